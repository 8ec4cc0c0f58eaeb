// Buttons and keys go to the server with what stands in the fields; items are moved here, without it.
const rows = part => [...element.querySelectorAll(part + ' > li')];
const entry = () => element.querySelector('[data-open]');
const fields = () => entry() ? {
  entry: entry().dataset.open,
  update: element.querySelector('#understood').value,
  order: rows('#listed').map(row => row.dataset.item),
  reasons: Object.fromEntries(rows('#listed').map(row => [row.dataset.item, row.querySelector('textarea').value])),
} : {};
const leaving = ['look', 'approve', 'reject', 'next', 'previous'];
let changed = false;
const send = (act, more) => {
  if (changed && leaving.includes(act) && !confirm('Leave what you changed unsaved?')) return;
  trigger('click', {...fields(), ...more, do: act});
};
const grow = box => { box.style.height = 'auto'; box.style.height = box.scrollHeight + 2 + 'px'; };
const moves = {
  up: row => row.previousElementSibling?.before(row),
  down: row => row.nextElementSibling?.after(row),
  off: row => element.querySelector('#others').prepend(row),
  on: row => element.querySelector('#listed').append(row),
};
element.addEventListener('click', event => {
  const button = event.target.closest('button');
  if (button?.dataset.do) send(button.dataset.do, {...button.dataset});
  if (!button?.dataset.move) return;
  const row = button.closest('li'), move = button.dataset.move;
  moves[move](row);
  changed = true;
  row.querySelector(`[data-move=${{on: 'off', off: 'on'}[move] || move}]`).focus();
  rows('#listed').forEach(one => grow(one.querySelector('textarea')));
});
element.addEventListener('input', event => { changed = true; grow(event.target); });
element.addEventListener('keydown', event => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && event.target.matches('textarea')) send('correct');
});
const keys = {a: 'approve', r: 'reject', s: 'scenario', n: 'next', j: 'next', k: 'previous'};
document.addEventListener('keydown', event => {
  const typing = event.target.closest('input, textarea, select, [contenteditable]');
  if (!element.isConnected || !element.offsetParent || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!entry() || !keys[event.key]) return;
  event.preventDefault();
  send(keys[event.key]);
});
const fit = () => element.querySelectorAll('textarea').forEach(grow);
window.addEventListener('resize', fit);
const drawn = () => {
  changed = !!element.querySelector('#trouble:not([hidden])');
  fit();
  element.querySelector('[data-focus]')?.focus();
};
watch('value', () => setTimeout(drawn, 30));
setTimeout(drawn, 30);
