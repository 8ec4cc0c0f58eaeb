// Clicks on data-do buttons go to the server; the address names the conversation; a new turn scrolls into view.
// The first look into a card, at its reasons or its page, goes to the server as a selection, which redraws nothing.
const opened = new Set(), noticed = new Set();
const notice = event => {
  const spot = event.target.closest('.card summary, .card a[href]');
  if (!spot || (spot.parentElement.open && spot.matches('summary'))) return;
  const {turn, item} = spot.closest('.card').dataset, key = turn + ' ' + item;
  if (!noticed.has(key)) trigger('select', {turn, item});
  noticed.add(key);
};
let asked = false;
element.addEventListener('auxclick', notice);
element.addEventListener('click', event => {
  notice(event);
  const part = event.target.closest('summary')?.parentElement;
  if (part) part.open ? opened.delete(part.dataset.key) : opened.add(part.dataset.key);
  const button = event.target.closest('[data-do]');
  if (!button || (button.dataset.confirm && !confirm(button.dataset.confirm))) return;
  asked = button.dataset.reason === 'other' && !button.matches('.take');
  trigger('click', {...button.dataset, ...(button.matches('.take') && {words: button.previousElementSibling.value})});
});
element.addEventListener('keydown', event => {
  if (event.key === 'Enter' && event.target.matches('.own')) event.target.nextElementSibling.click();
});
let turn = '';
watch('value', () => setTimeout(() => {
  element.querySelectorAll('details[data-key]').forEach(part => { part.open = opened.has(part.dataset.key); });
  if (asked && element.querySelector('.own')) { element.querySelector('.own').focus(); asked = false; }
  const live = element.querySelector('[data-conversation]');
  if (!live) return;
  const url = new URL(location);
  if (url.searchParams.get('c') !== live.dataset.conversation) {
    url.searchParams.set('c', live.dataset.conversation);
    history.replaceState(null, '', url);
  }
  const now = live.dataset.conversation + live.dataset.turn;
  const scroll = () => live.scrollIntoView({block: live.dataset.turn ? 'start' : 'end'});
  if (now !== turn) [0, 300].forEach(wait => setTimeout(scroll, wait));
  turn = now;
}, 30));
