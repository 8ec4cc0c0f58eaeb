"""The way in for people: a web page, and with `--say` the same agent in the terminal."""

import argparse
import hashlib
import ipaddress
import json
import os
import secrets
import socket
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import gradio as gr

    from agent import Recommender, Settings
    from agent.belief import BeliefState, BeliefUpdate
    from agent.review import Case, Queue
    from retrieval.catalog import Catalog, Item

Plain = Mapping[str, Any]
SHIPPED = "shipped"
"""The version that answers where nothing learned was promoted."""
LONGEST_USER = 200
"""Characters of a name given with --user."""
VERDICTS = {"liked": "Like", "disliked": "Not for me", "seen": "Seen it"}
"""Verdicts that a card takes, and what its buttons say."""
GROUPS = {
    "Like these": ("liked", "like_this", "accepted"),
    "Seen": ("seen",),
    "Turned down": ("disliked", "rejected", "unlike_this"),
}
REMEMBERED = {"liked": "You like", "disliked": "Not for you", "seen": "You have seen", "accepted": "You chose"}
"""What a profile holds, by kind of entry."""
CORRECTIONS = {"liked": ("disliked", "I do not like it"), "disliked": ("liked", "I like it")}
COMPLAINTS = {
    "wrong_item": "Wrong items",
    "not_what_i_meant": "Not what I meant",
    "seen_it": "I know them already",
    "ungrounded": "A reason is not true",
    "other": "Something else",
}
"""Reasons that a bad reply takes, and what their buttons say."""
THUMB = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M7 10.5v9H4v-9zM10 10l3.4-7c1.4.1 2.3 1 2.3 2.4'
    'L15 9.2h4.2c1.2 0 2 1 1.8 2.1l-1.3 6.6c-.2 1-1 1.6-2 1.6H10z"/></svg>'
)

# The page: what it looks like

CSS = """
.gradio-container{--bg:#f6f5f1;--card:#fff;--ink:#23262b;--soft:#646a73;--line:#e3e0d8;--tint:#eef3f1;--go:#1d6b63;
  --go-ink:#fff;--no:#a4473b;--no-tint:#f9eeeb;--you:#e4edea;--glow:0 1px 2px #0000000a,0 6px 20px #0000000a;
  --bar:34px}
.dark .gradio-container,.gradio-container.dark{--bg:#15181a;--card:#1e2225;--ink:#e7e8e6;--soft:#9aa3a6;
  --line:#30363a; --tint:#1f2c2b;--go:#66b8ad;--go-ink:#0f1a19;--no:#e39a8e;--no-tint:#33231f;--you:#24393a;
  --glow:none}
html,body,gradio-app{background:var(--tm-page,#f6f5f1)!important}
body.dark,body.dark gradio-app{--tm-page:#15181a}
.gradio-container{background:var(--bg)!important;color:var(--ink);max-width:none!important;padding:0!important;
  font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif!important}
.gradio-container .main,.gradio-container .wrap.main{padding:0!important;max-width:none!important}
footer{display:none!important} .tm,.tm *{box-sizing:border-box} .gradio-container{overflow:visible!important}
.gradio-container .tm .acts button,.gradio-container .tm .after button,.gradio-container .tm .tries button{margin:0}
.gradio-container .html-container,.gradio-container .prose{padding:0;font:inherit;color:inherit}
#shell{display:grid!important;grid-template-columns:230px minmax(0,1fr) 270px;gap:0 28px;max-width:1320px;
  margin:0 auto; padding:0 22px;align-items:start}
#shell>*{min-width:0!important;width:auto!important;gap:0!important}
#side,#known{position:sticky;top:var(--bar);max-height:calc(100vh - var(--bar));overflow-y:auto;padding:22px 0}
#main{min-height:calc(100vh - var(--bar));display:flex!important;flex-direction:column;padding:22px 0 0} #live{flex:1}
.tm button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer;text-align:left}
.tm button:focus-visible,.tm summary:focus-visible,.tm label:focus-within{outline:2px solid var(--go);
  outline-offset:2px}
.tm h1{font-size:20px;font-weight:680;letter-spacing:-.02em;margin:0;color:var(--ink)}
.tm h1 i{color:var(--go);font-style:normal}
.tm h2{font-size:13px;font-weight:620;margin:0 0 10px;color:var(--ink)}
.tm h3{font-size:12px;font-weight:560;margin:14px 0 6px;color:var(--soft)} .tm p{margin:0}
.tm .soft{color:var(--soft);font-size:13px}
.tm .new{display:block;width:100%;margin:18px 0 14px;padding:9px 12px;border:1px solid var(--line);
  border-radius:10px;background:var(--card);font-weight:560}
.tm .new:hover{border-color:var(--go);color:var(--go)} .tm .menu{display:none}
.tm .list{list-style:none;margin:0;padding:0}
.tm .list li{display:flex;align-items:center;border-radius:9px;margin:1px 0}
.tm .list li:hover,.tm .list li.here{background:var(--tint)}
.tm .list .open{flex:1;min-width:0;padding:7px 10px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;
  font-size:14px}
.tm .list li.here .open{font-weight:560} .tm .list .x{padding:4px 10px;color:var(--soft);opacity:0}
.tm .list li:hover .x,.tm .list .x:focus-visible,.tm .list li.here .x{opacity:1} .tm .x:hover{color:var(--no)}
.tm .note{margin-top:18px;padding-top:12px;border-top:1px solid var(--line);font-size:12px;line-height:1.5;
  color:var(--soft);overflow-wrap:anywhere}
.tm .hello{padding:9vh 0 30px;max-width:560px}
.tm .hello h2{font-size:27px;line-height:1.25;font-weight:640;letter-spacing:-.02em;margin:0 0 10px}
.tm .tries{display:flex;flex-wrap:wrap;gap:8px;margin-top:22px}
.tm .tries button{padding:8px 14px;border:1px solid var(--line);border-radius:999px;background:var(--card);
  font-size:14px}
.tm .tries button:hover{border-color:var(--go);color:var(--go)} .tm .turn{padding:10px 0 18px}
.tm.now{min-height:calc(100vh - 84px - var(--bar));scroll-margin-top:calc(6px + var(--bar))}
.tm .you{width:fit-content;max-width:85%;margin:0 0 16px auto;padding:9px 15px;border-radius:16px 16px 4px 16px;
  background:var(--you);overflow-wrap:anywhere;white-space:pre-line}
.tm .did{margin:0 0 14px;text-align:right;font-size:13px;color:var(--soft)}
.tm .cards:has(details[open]){align-items:start}
.tm .wrong{display:flex;flex-wrap:wrap;gap:6px;flex-basis:100%}
.tm .after .wrong button{border:1px solid var(--line);border-radius:999px;padding:3px 11px}
.tm .own{flex:1;min-width:180px;max-width:420px;margin:0;padding:3px 12px;border:1px solid var(--line)!important;
  border-radius:999px;background:var(--card);color:var(--ink);font:inherit;box-shadow:none!important}
.tm .own:focus{border-color:var(--go)!important;outline:none}
.tm .cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(270px,1fr));gap:14px;margin-bottom:14px}
.tm .card{display:flex;flex-direction:column;background:var(--card);border:1px solid var(--line);
  border-radius:14px;padding:15px 16px 12px;box-shadow:var(--glow)}
.tm .card.gone{opacity:.62}
.tm .card h4{margin:0;font-size:16px;line-height:1.3;font-weight:640;letter-spacing:-.01em;color:var(--ink);
  overflow-wrap:anywhere}
.tm .card .soft{margin-top:2px} .tm .reason{margin:9px 0 12px;flex:1;overflow-wrap:anywhere}
.tm .shimmer{margin:13px 0 16px} .tm .shimmer i{display:block;height:10px;margin:7px 0;border-radius:5px;
  background:linear-gradient(90deg,var(--line) 25%,var(--tint) 50%,var(--line) 75%) 0/300% 100%;
  animation:tm 1.5s linear infinite}
.tm .shimmer i+i{width:64%}
@keyframes tm{from{background-position:150% 0}to{background-position:-150% 0}}
@media(prefers-reduced-motion:reduce){.tm .shimmer i{animation:none}}
.tm .acts{display:flex;flex-wrap:wrap;gap:6px}
.tm .acts button{padding:4px 11px;border:1px solid var(--line);border-radius:999px;font-size:13px;
  white-space:nowrap}
.tm .acts button:hover{border-color:var(--go);color:var(--go)}
.tm button[aria-pressed=true]{background:var(--go)!important;border-color:var(--go)!important;
  color:var(--go-ink)!important}
.tm .foot{display:flex;justify-content:space-between;align-items:start;margin-top:9px;font-size:13px;
  color:var(--soft)}
.tm .more:hover,.tm summary:hover{color:var(--go)} .tm details{flex:1;min-width:0}
.tm summary{cursor:pointer;list-style:none;width:fit-content}
.tm summary::-webkit-details-marker{display:none} .tm details[open]{flex-basis:100%}
.tm .foot:has(details[open]){flex-wrap:wrap} .tm .why{padding-top:8px;color:var(--ink);overflow-wrap:anywhere}
.tm .why dl{display:grid;grid-template-columns:auto 1fr;gap:2px 10px;margin:8px 0}
.tm .why dt{color:var(--soft)} .tm .why dd{margin:0}
.tm code{font:12px ui-monospace,SFMono-Regular,Menlo,monospace;background:none;border:0;padding:0;
  color:var(--soft);overflow-wrap:anywhere}
.tm .fact{display:inline-block;margin:2px 4px 2px 0;padding:1px 8px;border-radius:6px;background:var(--tint);
  font-size:12px}
.tm .says{white-space:pre-line;overflow-wrap:anywhere;max-width:66ch}
.tm .asks{margin-top:6px;font-weight:560}
.tm .after{display:flex;flex-wrap:wrap;align-items:center;gap:4px 6px;margin-top:8px;font-size:13px;
  color:var(--soft)}
.tm .after button{padding:4px 8px;border-radius:8px}
.tm .after button:hover{background:var(--tint);color:var(--ink)}
.tm .after svg{width:16px;height:16px;fill:none;stroke:currentColor;stroke-width:1.7;stroke-linejoin:round;
  vertical-align:-3px}
.tm .after .down svg{transform:rotate(180deg)} .tm .after .gap{flex:1}
.tm .wait{color:var(--soft);font-size:14px}
.tm .wait::before{content:"";display:inline-block;width:8px;height:8px;margin-right:9px;border-radius:50%;
  background:var(--go);animation:pulse 1.2s ease-in-out infinite}
@keyframes pulse{50%{opacity:.25}}
.tm .oops{padding:10px 14px;border-radius:10px;background:var(--no-tint);color:var(--no)}
.tm .chips{display:flex;flex-wrap:wrap;gap:6px}
.tm .chip{display:inline-flex;align-items:center;max-width:100%;padding:3px 4px 3px 11px;border-radius:10px;
  background:var(--tint);font-size:13.5px;line-height:1.3;overflow-wrap:anywhere}
.tm .chip small{display:block;max-width:30ch;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;font-size:11px;
  opacity:.7}
.tm .chip.no{background:var(--no-tint);color:var(--no)}
.tm .chip button{margin-left:3px;width:20px;height:20px;flex:none;border-radius:50%;text-align:center;
  line-height:18px;color:inherit;opacity:.65}
.tm .chip button:hover{opacity:1;background:#0000001a}
.tm.memory{margin-top:22px;padding-top:14px;border-top:1px solid var(--line)}
.tm.memory summary{font-size:13px;font-weight:620} .tm.memory summary .soft{font-weight:400}
.tm.memory summary::before{content:"›";display:inline-block;width:13px;color:var(--soft)}
.tm.memory details[open] summary::before{transform:rotate(90deg) translate(0,4px)}
.tm.memory ul{list-style:none;margin:0;padding:0} .tm.memory .off ul{opacity:.55}
.gradio-container .tm.memory li button{margin:0}
.tm.memory li{display:flex;gap:8px;padding:4px 0;font-size:14px;line-height:1.35;overflow-wrap:anywhere}
.tm.memory li div{flex:1;min-width:0} .tm.memory li .soft{font-size:12.5px}
.tm.memory li .soft button:hover{color:var(--go)}
.tm.memory .x{align-self:start;padding:0 5px;color:var(--soft)}
.tm.memory details>.soft{margin:8px 0}
.tm.memory .acts{margin-top:12px}
#write{position:sticky;bottom:0;z-index:5;padding:10px 0 18px;
  background:linear-gradient(transparent,var(--bg) 22%);border:0;flex-wrap:nowrap!important;gap:8px!important;
  align-items:end}
#box{flex:1;min-width:0!important;padding:0!important;border:0!important;background:none!important;
  box-shadow:none!important}
#box textarea{background:var(--card)!important;color:var(--ink)!important;border:1px solid var(--line)!important;
  border-radius:14px!important;padding:12px 16px!important;font:15px/1.5 system-ui,sans-serif!important;
  box-shadow:var(--glow)!important}
#box textarea:focus{border-color:var(--go)!important;outline:none}
#send,#stop{flex:none;min-width:84px!important;height:48px;border-radius:14px!important;border:0!important;
  font:600 15px system-ui,sans-serif!important;background:var(--go)!important;color:var(--go-ink)!important;
  box-shadow:none!important}
#stop{background:var(--card)!important;color:var(--ink)!important;border:1px solid var(--line)!important}
@media(max-width:1080px){
  #shell{grid-template-columns:210px minmax(0,1fr)}
  #known{grid-column:2;grid-row:1;position:static;max-height:none;padding:22px 0 0}
  #side{grid-row:1/3}
  #main{min-height:80vh;padding-top:8px}
}
@media(max-width:720px){
  #shell{display:flex!important;flex-direction:column;flex-wrap:nowrap!important;padding:0 14px;align-items:stretch}
  #side{position:static;max-height:none;padding:14px 0 4px;order:0}
  #known{order:1;padding:4px 0 0}
  #main{order:2;min-height:calc(100vh - 110px - var(--bar))}
  .tm .menu{display:block;cursor:pointer;padding:6px 12px;border:1px solid var(--line);border-radius:9px;
    font-size:13px}
  .tm .top{display:flex;justify-content:space-between;align-items:center}
  .tm .top .soft,.tm #menu:not(:checked)~.drawer{display:none}
  .tm.none{display:none}
  .tm.known h2{margin-bottom:6px}
  .tm.known h3,.tm.known .chip small{display:none}
  .tm.known .chips{display:inline-flex;margin:0 6px 6px 0}
  .tm .hello{padding:5vh 0 20px}
  .tm .hello h2{font-size:23px}
  .tm .cards{grid-template-columns:1fr}
  #write{padding-bottom:12px}
  #send,#stop{min-width:68px!important}
}
.tm .top input,.tm>input{position:absolute;opacity:0;pointer-events:none}
"""
TABS_CSS = """
#tabs>.tab-wrapper{position:sticky;top:0;z-index:6;height:var(--bar);margin:0 0 -1px;background:var(--bg);
  border-bottom:1px solid var(--line);padding:0 max(22px,calc((100vw - 1320px)/2 + 22px))}
#tabs .tab-container{height:var(--bar)} #tabs .tab-container::after{display:none}
#tabs .visually-hidden{visibility:hidden}
#tabs [role=tab]{height:var(--bar);padding:0 1px;margin-right:20px;font:13px/1 system-ui,sans-serif;color:var(--soft);
  background:none;border:0}
#tabs [role=tab]:hover{color:var(--ink)}
#tabs [role=tab].selected{color:var(--ink);font-weight:620}
#tabs [role=tab].selected::after{height:2px;background:var(--go)}
#tabs [role=tab]:focus-visible{outline:2px solid var(--go);outline-offset:-4px;border-radius:6px}
.tm.desk{display:grid;grid-template-columns:270px minmax(0,1fr);gap:0 40px;max-width:1320px;margin:0 auto;
  padding:0 22px;align-items:start;min-height:calc(100vh - var(--bar))}
.desk>nav{position:sticky;top:var(--bar);max-height:calc(100vh - var(--bar));overflow-y:auto;padding:22px 3px}
.desk>section{max-width:780px;padding:22px 3px 0}
.desk .list li.here .open,.desk .list .open{font-weight:400} .desk .list .open{padding:8px 10px}
.desk .list small{display:block;font-size:12px;color:var(--soft);overflow:hidden;text-overflow:ellipsis}
.desk nav details{margin-top:14px} .desk summary{font-size:13px;color:var(--soft);padding:4px 0}
.desk summary::before{content:"›";display:inline-block;width:13px}
.desk details[open]>summary::before{transform:rotate(90deg) translate(0,4px)}
.tm.desk .quote{font-size:20px;line-height:1.35;letter-spacing:-.01em;margin:4px 0 8px;overflow-wrap:anywhere}
.desk .quote:focus{outline:none} .desk section p{margin:4px 0;overflow-wrap:anywhere}
.tm .fact.no{background:var(--no-tint);color:var(--no)}
.tm.desk h3{font-size:13px;font-weight:620;color:var(--ink);margin:22px 0 8px}
.desk textarea{display:block;width:100%;margin:0;padding:9px 12px;border:1px solid var(--line)!important;
  border-radius:10px;background:var(--card);color:var(--ink);font:14px/1.5 system-ui,sans-serif;resize:none;
  box-shadow:none!important}
.desk #understood{font:13px/1.6 ui-monospace,SFMono-Regular,Menlo,monospace;white-space:pre;overflow-x:auto}
.desk textarea:focus{border-color:var(--go)!important;outline:1px solid var(--go)}
.desk textarea[aria-invalid]{border-color:var(--no)!important}
.desk .oops{margin:8px 0}
.desk .rows{list-style:none;margin:0;padding:0} .desk .rows li{margin:0;padding:5px 0}
.desk .row{display:flex;align-items:center;gap:8px;margin-bottom:3px} .desk .row b{font-weight:560}
.desk .row>span:last-child{margin-left:auto;display:flex;gap:2px}
.desk .row button{width:30px;height:28px;border-radius:8px;text-align:center;color:var(--soft)}
.desk .row button:hover{background:var(--tint);color:var(--ink)}
#listed [data-move=on],#others button:not([data-move=on]),#others textarea,#trouble[hidden]{display:none}
#listed li:first-child [data-move=up],#listed li:last-child [data-move=down]{opacity:.3}
#listed:empty::after{content:"Nothing.";color:var(--soft)} #others .row{margin:0} #others li{padding:3px 0}
.desk .says{margin-top:18px!important;color:var(--soft)} .tm .told{color:var(--go);font-size:14px}
.desk .bar{position:sticky;bottom:0;padding:26px 0 12px;background:linear-gradient(transparent,var(--bg) 22px)}
.desk .told:empty{display:none}
.tm.desk .bar button{padding:7px 14px;background:var(--card);margin:0} .desk .bar button.go{border-color:var(--go)}
.desk .keys{display:flex;flex-wrap:wrap;gap:2px 14px;font-size:12px;color:var(--soft);margin-top:10px!important}
.desk kbd{font:11px ui-monospace,monospace;padding:1px 5px;border:1px solid var(--line);border-radius:5px;
  background:var(--card)}
@media(max-width:720px){
  .tm.desk{display:block;padding:0 14px}
  #tabs>.tab-wrapper{padding:0 14px}
  .desk>nav{position:static;max-height:38vh;padding:14px 0;border-bottom:1px solid var(--line)}
  .desk>section{padding:14px 0 0}
  .desk .keys{display:none} .desk #understood{white-space:pre-wrap}
  .tm.desk .bar button{padding:6px 10px}
}
"""
"""The two tabs, and the review."""
CLICKS = """
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
"""
"""Clicks on `data-do` buttons go to the server; the address names the conversation; a new turn scrolls into view.

The first look into a card, at its reasons or its page, goes to the server as a selection, which redraws nothing.
"""
WHO = """
(browser, conversation, ...rest) => {
  let key = localStorage.getItem('tastemaker-browser');
  if (!key) {
    key = Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('');
    localStorage.setItem('tastemaker-browser', key);
  }
  return [key, new URLSearchParams(location.search).get('c') || '', ...rest];
}
"""
"""Sent with every event: the browser's own key and the conversation in the address. The server keeps no session."""


def text_of(value: object) -> str:
    """Return text from catalog or person as inert HTML."""
    return escape(str(value), quote=True)


def button(label: str, do: str, css: str = "", /, *, inside: str = "", **data: object) -> str:
    """Draw a button; `data` travels with the click, `label` is escaped, `inside` is markup of our own instead of it."""
    pressed = data.pop("pressed", None)
    sent = "".join(f' data-{name}="{text_of(value)}"' for name, value in data.items() if value is not None)
    state = "" if pressed is None else f' aria-pressed="{str(bool(pressed)).lower()}"'
    named = f' aria-label="{text_of(label)}" title="{text_of(label)}"' if inside else ""
    return f'<button type="button" class="{css}" data-do="{do}"{sent}{state}{named}>{inside or text_of(label)}</button>'


def facts_line(item: "Item", catalog: "Catalog") -> str:
    """Return the few facts that tell an item from others: values that are not nearly everywhere, one name, numbers."""
    parts = []
    for column in catalog.schema.with_role("facet", "number"):
        values = item.values(column.name)
        if column.role == "number":
            values = tuple(f"{value} {column.unit}" for value in values if column.unit not in ("", "year"))
        elif len(set(catalog.vocabulary[column.name])) > 1:
            common = 0.6 * len(catalog)
            values = tuple(value for value in values if catalog.vocabulary[column.name].get(value, 0) < common)
        if values:
            parts.append(", ".join(values[: 1 if column.people else 2]))
    return " · ".join(parts[:4])


def card_html(item: Plain, turn: int, verdicts: frozenset[str], catalog: "Catalog", done: bool) -> str:
    """Draw one item: title, facts, reason or a shimmer while it is being written, verdict buttons, and why."""
    known = catalog[item["id"]] if item["id"] in catalog else None
    facts = text_of(facts_line(known, catalog)) if known else "No longer in the catalog"
    waiting = '<div class="shimmer" aria-label="Writing the reason"><i></i><i></i></div>'
    reason = f'<p class="reason">{text_of(item["reason"])}</p>' if item["reason"] or done else waiting
    acts = "".join(
        button(label, "verdict", turn=turn, item=item["id"], verdict=verdict, pressed=verdict in verdicts)
        for verdict, label in VERDICTS.items()
    )
    more = button("More like this", "more", "more", turn=turn, item=item["id"], title=item["title"])
    gone = " gone" if verdicts & {"disliked", "rejected", "seen"} else ""
    return (
        f'<article class="card{gone}" data-item="{text_of(item["id"])}" data-turn="{turn}">'
        f"<h4>{text_of(item['title'])}</h4>"
        f'<p class="soft">{facts}</p>{reason}<div class="acts">{acts}</div>'
        f'<div class="foot">{why_html(item, turn, known, catalog)}{more}</div></article>'
    )


def why_html(item: Plain, turn: int, known: "Item | None", catalog: "Catalog") -> str:
    """Draw what a recommendation rests on, and everything the catalog says about the item."""
    evidence = "".join(f'<span class="fact">{text_of(fact)}</span>' for fact in item["evidence"])
    rows = [
        (
            column.name,
            ", ".join(known.values(column.name)) + (f" {column.unit}" if column.unit not in ("", "year") else ""),
        )
        for column in catalog.schema.with_role("facet", "number", "date", "flag")
        if known and known.values(column.name)
    ]
    source = {"llm": "written by the model and checked against these facts", "facts": "made of these facts"}
    rows.append(("reason", source.get(item["reason_source"], "being written")))
    table = "".join(f"<dt>{text_of(name)}</dt><dd>{text_of(value)}</dd>" for name, value in rows)
    about = f"<p>{text_of(known.text[:600])}</p>" if known and known.text else ""
    link = known.link if known and (known.link or "").startswith(("https://", "http://")) else None
    out = (
        f'<p><a href="{text_of(link)}" target="_blank" rel="noopener noreferrer">Open its page</a></p>' if link else ""
    )
    return (
        f'<details data-key="{turn}:{text_of(item["id"])}"><summary>Why this?</summary><div class="why">{about}'
        f"{evidence}<dl>{table}</dl>{out}<code>{text_of(item['semantic_id'])}</code></div></details>"
    )


def turn_html(
    turn: Plain, belief: "BeliefState", catalog: "Catalog", *, last: bool = False, stopping: bool = False
) -> str:
    """Draw one turn: what the person said, the cards, then the answer, then what can be done about it."""
    verdicts: dict[str, set[str]] = {}
    for entry in belief.items:
        verdicts.setdefault(entry.item_id or "", set()).add(entry.verdict)
    number, done = turn["turn"], turn["done"]
    cards = "".join(
        card_html(item, number, frozenset(verdicts.get(item["id"], ())), catalog, done) for item in turn["items"]
    )
    asked = turn["question"] or ""
    says = turn["text"].removesuffix(asked).strip()
    answer = f'<p class="says">{text_of(says)}</p>' if says else ""
    answer += f'<p class="asks">{text_of(asked)}</p>' if asked else ""
    busy = "" if done else wait_html("Stopping" if stopping else "Writing the reasons" if turn["items"] else "Looking")
    shown = f'<div class="cards">{cards}</div>' if cards else ""
    after = after_html(turn, last) if done else ""
    return f'<section class="turn">{said_html(turn)}{shown}{answer}{busy}{after}</section>'


def said_html(turn: Plain) -> str:
    """Draw what the person said, or in small type what they clicked."""
    if turn["via"] == "text":
        return f'<div class="you">{text_of(turn["user"])}</div>'
    clicked = turn["user"].strip("()")
    return f'<p class="did">{text_of(clicked[:1].upper() + clicked[1:])}</p>'


def after_html(turn: Plain, last: bool) -> str:
    """Draw thumbs on the whole reply, what was wrong with it, and for the last turn undo and edit."""
    given = [entry for entry in turn["feedback"] if entry["item_id"] is None]
    verdict = given[-1]["verdict"] if given else ""
    number = turn["turn"]
    parts = [
        button(label, "thumb", css, inside=THUMB, turn=number, verdict=thumb, pressed=verdict == thumb)
        for label, css, thumb in (("Good reply", "up", "thumbs_up"), ("Bad reply", "down", "thumbs_down"))
    ]
    if last:
        edit = button("Edit", "edit", number=number) if turn["via"] == "text" else ""
        parts += ['<span class="gap"></span>', edit, button("Undo", "undo", number=number)]
    if verdict == "thumbs_down":
        said, words = given[-1]["reason"], given[-1]["words"]
        wrong = [
            button(label, "thumb", turn=number, verdict=verdict, reason=reason, pressed=reason == said)
            for reason, label in COMPLAINTS.items()
        ]
        if said == "other":
            own = f'<input class="own" maxlength="1000" aria-label="What was wrong?" value="{text_of(words)}">'
            wrong += [own, button("Send", "thumb", "take", turn=number, verdict=verdict, reason=said)]
        parts.append(f'<div class="wrong">{"".join(wrong)}</div>')
    return f'<div class="after">{"".join(parts)}</div>'


def known_html(belief: "BeliefState", catalog: "Catalog") -> str:
    """Draw what was understood as chips, each of which can be taken back."""
    from agent.belief import BeliefState
    from agent.wording import compared, ranges, said

    limits, wishes = [], []
    left = list(belief.constraints)
    for low in [limit for limit in left if limit.op == "at_least"]:
        high = next((limit for limit in left if limit.op == "at_most" and limit.attribute == low.attribute), None)
        if high is not None:
            label = ranges(BeliefState(constraints=(low, high)), catalog.schema)[0][0]
            words = dict.fromkeys((low.words, high.words))
            limits.append(
                chip_html(label, "", " ".join(words), max(low.turn, high.turn), low.attribute, None)
            )
            left = [limit for limit in left if limit not in (low, high)]
    for limit in left:
        tone = "no" if limit.op == "is_not" else ""
        limits.append(
            chip_html(said(limit, catalog.schema), tone, limit.words, limit.turn, limit.attribute, limit.value)
        )
    for wish in belief.preferences:
        tone = "" if wish.weight > 0 else "no"
        than = compared(wish, catalog)
        label = said(wish, catalog.schema) + (f", compared with {than}" if than else "")
        wishes.append(chip_html(label, tone, wish.words, wish.turn, wish.attribute, wish.value))
    groups = {"It has to be": limits, "It would be good": wishes}
    for name, verdicts in GROUPS.items():
        entries = {entry.item_id: entry for entry in belief.items if entry.verdict in verdicts and entry.item_id}
        groups[name] = [
            chip_html(
                entry.title or entry.ref, "no" if name == "Turned down" else "", entry.words, entry.turn, "items", id_
            )
            for id_, entry in entries.items()
        ]
    drawn = "".join(
        f'<h3>{name}</h3><div class="chips">{"".join(chips)}</div>' for name, chips in groups.items() if chips
    )
    empty = '<p class="soft">Nothing yet. What you ask for appears here, and you can take back any part of it.</p>'
    return f'<div class="tm known{"" if drawn else " none"}"><h2>What I understood</h2>{drawn or empty}</div>'


def chip_html(label: str, tone: str, words: str, turn: int, attribute: str, value: object) -> str:
    """Draw one chip with the words and the turn that it came from."""
    origin = text_of(f"“{words.strip()}”, turn {turn}" if words.strip() else f"turn {turn}")
    remove = button(f"Remove {label}", "remove", inside="×", attribute=attribute, value=value, label=label)
    told = f"<span>{text_of(label)}<small>{origin}</small></span>"
    return f'<span class="chip {tone}" title="{origin}">{told}{remove}</span>'


def memory_html(profile: Plain) -> str:
    """Draw what is remembered of the person: each entry with its source, to correct or remove, and the switch."""
    entries, on = profile["entries"], profile["on"]
    drawn = "".join(
        f"<h3>{name}</h3><ul>{''.join(entry_html(entry) for entry in entries if entry['kind'] == kind)}</ul>"
        for kind, name in REMEMBERED.items()
        if any(entry["kind"] == kind for entry in entries)
    )
    count = f"{len(entries)}" if on else "off"
    told = "Nothing yet. What you like, what you know already, and what you say of your taste is kept for next time."
    note = "Nothing is added or used while this is off." if not on else "" if entries else told
    note = f'<p class="soft">{note}</p>' if note else ""
    if profile["summary"]:
        note += f"<p>{text_of(profile['summary'])}</p>"
    acts = button("Turn off" if on else "Turn on", "remember", on=int(not on))
    if entries:
        acts += button("Forget everything", "forget", confirm="Forget everything that is remembered about you?")
    return (
        f'<div class="tm memory"><details data-key="memory" class="{"" if on else "off"}">'
        f'<summary>What I remember about you <span class="soft">· {count}</span></summary>'
        f'{note}{drawn}<div class="acts">{acts}</div></details></div>'
    )


def entry_html(entry: Plain) -> str:
    """Draw one entry of a profile with the words and the day it comes from; the source opens its conversation."""
    words, title = entry["words"].strip(), entry["title"] or entry["value"]
    said = "a click" if entry["conversation"] else "corrected here"
    source = f"{f'“{words}”' if words and words != str(title) else said}, {entry['at'][:10]}"
    parts = [button(source, "open", id=entry["conversation"]) if entry["conversation"] else text_of(source)]
    if entry["kind"] in CORRECTIONS:
        kind, label = CORRECTIONS[entry["kind"]]
        parts.append(button(label, "correct", entry=entry["key"], kind=kind))
    forget = button(f"Forget {title}", "forget", "x", inside="×", entry=entry["key"])
    return f'<li><div>{text_of(title)}<p class="soft">{" · ".join(parts)}</p></div>{forget}</li>'


def side_html(
    conversations: Sequence[Plain], here: str, settings: "Settings", line: str, version: str = SHIPPED
) -> str:
    """Draw the name of the program, the conversations of this browser, which version answers, where feedback goes."""
    rows = "".join(
        f'<li class="{"here" if one["id"] == here else ""}">{button(one["title"], "open", "open", id=one["id"])}'
        f"{button('Delete this conversation', 'delete', 'x', inside='×', id=one['id'], confirm='Delete this conversation and its feedback?')}</li>"  # noqa: E501
        for one in conversations
    )
    log = _short(settings.home / "log.sqlite")
    answers = f"Answers: {text_of(version)}<br>" if version != SHIPPED else ""
    return (
        '<div class="tm"><input type="checkbox" id="menu"><div class="top"><h1>Taste<i>maker</i></h1>'
        f'<p class="soft">{text_of(line)}</p><label class="menu" for="menu">Conversations</label></div>'
        f'<div class="drawer">{button("New conversation", "new", "new")}<ul class="list">{rows}</ul>'
        f'<p class="note">{answers}Messages and feedback stay on this computer, in {text_of(log)}</p></div></div>'
    )


def hello_html(examples: Sequence[str]) -> str:
    """Draw an empty conversation: what to do, and things to try."""
    tries = "".join(button(text, "say", text=text) for text in examples)
    return (
        f'<div class="hello"><h2>What are you in the mood for?</h2><p class="soft">Say what you feel'
        " like, what you liked, what you do not want. Everything shown is in the catalog and keeps to it.</p>"
        f'<div class="tries">{tries}</div></div>'
    )


def live_html(conversation: str, inside: str, turn: int) -> str:
    """Draw the latest turn; the page scrolls to it when its number changes."""
    css, number = ("tm now", turn) if turn else ("tm", "")
    name = text_of(conversation)
    return f'<div class="{css}" aria-live="polite" data-conversation="{name}" data-turn="{number}">{inside}</div>'


def wait_html(stage: str) -> str:
    """Say what is being waited for."""
    return f'<p class="wait">{text_of(stage)}</p>'


def oops_html(trouble: str) -> str:
    """Say what went wrong."""
    return f'<p class="oops" role="alert">{text_of(trouble)}</p>'


def examples_of(catalog: "Catalog") -> list[str]:
    """Make things to try of the catalog's own values."""
    schema, tries = catalog.schema, []
    ranked = {
        column: sorted(counts, key=lambda value: -counts[value])
        for column in schema.with_role("facet")
        if len(counts := catalog.vocabulary[column.name]) > 4
    }
    plain = [column for column in ranked if not column.people]
    year = schema.with_unit("year")
    years = sorted(number for item in catalog if year and (number := item.number(year.name)) is not None)
    decade = f" from the {int(years[len(years) // 3]) // 10 * 10}s" if years else ""
    if plain:
        _, second, third, fourth, *_ = (value.lower() for value in ranked[plain[0]])
        tries.append(f"{_with_article(fourth)}{decade}, but no {third}")
        phrases = max(plain, key=lambda column: sum(value.count(" ") for value in ranked[column][:50]))
        if phrases != plain[0]:
            tries.append(f"{_with_article(second)} with {ranked[phrases][0].lower()}")
    tries += [f"something like {item.title}" for item in sorted(catalog, key=lambda item: -item.popularity)[7:8]]
    tries += [f"something by {ranked[column][0]}" for column in ranked if column.people][:1]
    return tries


def _with_article(word: str) -> str:
    return f"{'an' if word[:1] in 'aeiou' else 'a'} {word}"


# The page: turns to review

REVIEWED = """
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
"""
"""Buttons and keys go to the server with what stands in the fields; items are moved here, without it."""
WHY = {
    **{"ungrounded": "A reason is not true", "disliked": "Disliked"},
    **{"rephrased": "Said again afterwards", "unsure": "Hardly understood"},
}
"""How the page calls why a turn should be looked at."""
DECIDED = {"approved": "Approved", "rejected": "Rejected", "corrected": "Corrected"}
SHORTCUTS = {
    **{"A": "approve", "R": "reject", "S": "make a scenario", "N": "next", "J": "down", "K": "up"},
    **{"Ctrl+Enter": "save, in a text box"},
}
MOVES = {"up": ("Move up", "↑"), "down": ("Move down", "↓"), "off": ("Take off", "×"), "on": ("Put on", "+")}
MOST_QUEUED = 100
"""Turns that the queue lists at once."""
MOST_OTHERS = 6
"""Candidates that are offered for the list besides what was shown."""


def desk_html(
    pending: Sequence["Case"], decided: Sequence["Case"], here: "Case | None", entry: str, told: str
) -> str:
    """Draw the turns to look at, closed those that were looked at, and beside them the `entry` of the one `here`."""
    rows, done = (
        "".join(queued_html(case, case is here) for case in some[:MOST_QUEUED]) for some in (pending, decided)
    )
    empty = '<p class="soft">Nothing is waiting. What is disliked, said again or hardly understood comes here.</p>'
    waiting = f'<ul class="list">{rows}</ul>' if rows else empty
    if len(pending) > MOST_QUEUED:
        waiting += f'<p class="soft">and {len(pending) - MOST_QUEUED:,} more</p>'
    if decided:
        state = " open" if any(case is here for case in decided) else ""
        count = f'<span class="soft">· {len(decided)}</span>'
        waiting += f'<details{state}><summary>Decided {count}</summary><ul class="list">{done}</ul></details>'
    count = f'<span class="soft">· {len(pending)}</span>'
    return (
        f'<div class="tm desk"><nav aria-label="Turns to review"><h2>To review {count}</h2>{waiting}</nav>'
        f"<section>{entry or told_html(told)}</section></div>"
    )


def desk_wait_html(stage: str) -> str:
    """Say what the review waits for."""
    return f'<div class="tm desk"><nav></nav><section>{wait_html(stage)}</section></div>'


def told_html(told: str) -> str:
    """Say what was done."""
    return f'<p class="told" role="status">{text_of(told)}</p>'


def queued_html(case: "Case", here: bool) -> str:
    """Draw one line of the queue: what was said, and why it is there or what was decided."""
    one = case.reacted
    told = WHY[case.why[0]] if case.pending or case.review is None else DECIDED[case.review.decision]
    state = ' aria-current="true"' if here else ""
    return (
        f'<li class="{"here" if here else ""}"><button type="button" class="open" data-do="look" data-entry="{one.seq}"'
        f"{state}>{text_of(one.text[:200])}<small>{text_of(told)} · {text_of(one.at[:10])}</small></button></li>"
    )


def case_html(
    case: "Case", catalog: "Catalog", draft: "Draft", told: str = "", trouble: str = "", *, focus: bool = False
) -> str:
    """Draw one turn: what was said, fields with what was understood and shown, and what can be decided."""
    one = case.reacted
    known = {card["id"]: card for card in one.record["shown"]}
    marks = [WHY[why] for why in case.why] + [COMPLAINTS[told.reason] for told in case.complaints if told.reason]
    badges = "".join(f'<span class="fact no">{text_of(mark)}</span>' for mark in dict.fromkeys(marks))
    words = "".join(f'<p class="soft">“{text_of(told.words)}”</p>' for told in case.complaints if told.words)
    decided = f"{DECIDED[case.review.decision].lower()} {case.review.at[:10]}" if case.review else ""
    version = f"answered by {one.version}" if one.version != SHIPPED else ""
    line = " · ".join(filter(None, (f"{one.at[:10]} {one.at[11:16]} UTC", f"turn {one.turn}", version, decided)))
    before = f'<p class="soft">Before that: {text_of(one.said)}</p>' if one.said else ""
    others = [item for item in case.choices() if item not in draft.order]
    others = [*(i for i in others if i in known), *[i for i in others if i not in known][:MOST_OTHERS]]
    listed, rest = ("".join(row_html(item, case, draft, catalog) for item in some) for some in (draft.order, others))
    keys = "".join(f"<span><kbd>{key}</kbd> {what}</span>" for key, what in SHORTCUTS.items())
    acts = [("Approve", "approve", "go"), ("Reject", "reject", ""), ("Save correction", "correct", "")]
    acts += [("Make a scenario", "scenario", ""), ("Next", "next", "")]
    spare = "" if listed else " open" if rest else " hidden"
    invalid = ' aria-invalid="true" aria-describedby="trouble" data-focus' if trouble else ""
    return (
        f'<div data-open="{one.seq}"><p class="soft">{text_of(line)}</p>'
        f'<h2 class="quote" tabindex="-1"{" data-focus" if focus and not trouble else ""}>{text_of(one.text)}</h2>'
        f"<p>{badges}</p>{words}{before}"
        f'<h3><label for="understood">What was understood</label></h3>'
        f'<textarea id="understood" rows="6" spellcheck="false"{invalid}>{text_of(draft.update.strip())}</textarea>'
        f'<p class="oops" id="trouble" role="alert"{"" if trouble else " hidden"}>{text_of(trouble)}</p>'
        f'<h3>What was shown</h3><ol class="rows" id="listed">{listed}</ol>'
        f"<details{spare}><summary>Not on the list</summary>"
        f'<ol class="rows" id="others">{rest}</ol></details>'
        f'<p class="says">{text_of(one.reply)}</p><div class="bar">'
        f'<div class="acts">{"".join(button(label, do, css) for label, do, css in acts)}</div>'
        f'{told_html(told)}<p class="keys">{keys}</p></div></div>'
    )


def row_html(item: str, case: "Case", draft: "Draft", catalog: "Catalog") -> str:
    """Draw one item of a turn with its reason to edit, and the buttons that move it."""
    card = next((card for card in case.reacted.record["shown"] if card["id"] == item), None)
    title = card["title"] if card else catalog.label(catalog[item]) if item in catalog else item
    complaint = next((told.reason for told in case.complaints if told.item_id == item and told.reason), "")
    mark = f'<span class="fact no">{text_of(COMPLAINTS[complaint])}</span>' if complaint else ""
    moves = "".join(
        f'<button type="button" data-move="{move}" title="{name}" aria-label="{name}: {text_of(title)}">{sign}</button>'
        for move, (name, sign) in MOVES.items()
    )
    reason = draft.reasons.get(item, card["reason"] if card else "")
    written = f'<textarea rows="1" aria-label="Reason: {text_of(title)}">{text_of(reason)}</textarea>'
    named = f"<b>{text_of(title)}</b>{mark}<span>{moves}</span>"
    return f'<li data-item="{text_of(item)}"><div class="row">{named}</div>{written}</li>'


# The page: what it does


@dataclass(frozen=True)
class Draft:
    """What stands in the fields of a turn under review."""

    update: str
    """YAML."""
    order: tuple[str, ...]
    """Ids of the items on the list."""
    reasons: Mapping[str, str]
    """Those that are not as they were told."""


@dataclass(frozen=True)
class View:
    """What the four parts of the page show."""

    side: str
    past: str
    live: str
    known: str
    busy: bool = False


@dataclass
class Running:
    """A turn that is being answered; it ends even when nobody watches any more."""

    said: str
    via: str
    before: Plain = field(default_factory=dict)
    """The belief when the turn began."""
    reply: Plain | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)


class Page:
    """Everything behind the page; knows no widgets. A conversation belongs to the browser that began it."""

    def __init__(self, settings: "Settings") -> None:
        """Serve nothing until `load` is through."""
        self.settings = settings
        self.rec: Recommender | None = None
        self.failure: Exception | None = None
        self.stage = "Getting ready: loading the libraries"
        self.ready = threading.Event()
        self.examples: list[str] = []
        self._running: dict[str, Running] = {}
        self._troubles: dict[str, str] = {}
        """Why the last turn of a conversation failed."""
        self._queue: Queue | None = None
        self._lock = threading.Lock()

    def load(self) -> None:
        """Open the recommender; messages sent earlier wait for it."""
        from agent import Recommender
        from retrieval.catalog import UserError

        def say(stage: str) -> None:
            self.stage = f"Getting ready: {stage[:1].lower()}{stage[1:].rstrip('.')}"
            _say(stage)

        try:
            rec = Recommender.open(self.settings, say, progress=True)
            self.examples = examples_of(rec.catalog)
            self.rec, self.stage = rec, ""
        except UserError as error:
            self.failure = error
        finally:
            self.ready.set()

    def conversation(self, browser: str, wanted: str = "") -> str:
        """Return the wanted conversation if this browser began it, otherwise the name of a new one."""
        mine = _prefix(browser)
        return wanted if wanted.startswith(mine) and len(wanted) <= 100 else mine + secrets.token_hex(6)

    def begin(self, conversation: str, said: str, update: "BeliefUpdate | None" = None) -> None:
        """Start to answer a message, or a click that means `update`, unless the last one is still being answered."""
        with self._lock:
            if not said.strip() or conversation in self._running:
                return
            self._troubles.pop(conversation, None)
            running = self._running[conversation] = Running(said, "text" if update is None else "chip")
        threading.Thread(target=self._answer, args=(conversation, running, update), daemon=True).start()

    def _answer(self, conversation: str, running: Running, update: "BeliefUpdate | None") -> None:
        from retrieval.catalog import UserError

        trouble = "Something went wrong. The terminal in which this page was started says what."
        try:
            self.ready.wait()
            if self.rec is not None and not running.stop.is_set():
                said, running.before = running.said, self.rec.belief(conversation)
                user = _owner(conversation)
                parts = (
                    self.rec.act(conversation, said, update, user)
                    if update
                    else self.rec.stream(conversation, said, user)
                )
                for part in parts:
                    running.reply = part.as_dict()
                    if running.stop.is_set():
                        break
                del parts  # Closes the turn, which finishes with what it has.
            trouble = ""
        except (UserError, ValueError) as error:
            trouble = str(error)
        finally:
            with self._lock:
                self._troubles[conversation] = trouble
                del self._running[conversation]
            running.done.set()

    def stop(self, conversation: str) -> None:
        """End the turn that is being answered with what it has."""
        if running := self._running.get(conversation):
            running.stop.set()

    def click(self, browser: str, conversation: str, sent: Plain) -> tuple[str, str | None]:
        """Do what a button stands for; return the conversation to show and new words for the message box, if any.

        What a browser sends is not trusted: ValueError when it names what is not there.
        """
        do, item, words = (str(sent.get(name, "")) for name in ("do", "item", "words"))
        rec, busy = self.rec, conversation in self._running
        match do:
            case "say":
                self.begin(conversation, str(sent.get("text", "")))
            case "new" | "open":
                return self.conversation(browser, str(sent.get("id", ""))), None
            case _ if rec is None or busy:
                pass
            case "delete" if (other := str(sent.get("id", ""))).startswith(_prefix(browser)):
                rec.delete(other)
                return self.conversation(browser, "" if other == conversation else conversation), None
            case "verdict" | "thumb":
                verdict, user, reason = str(sent.get("verdict")), _owner(conversation), str(sent.get("reason", ""))
                rec.feedback(conversation, int(sent.get("turn", 0)), item or None, verdict, words, user, reason)
            case "forget":
                rec.forget(_owner(conversation), str(sent["entry"]) if "entry" in sent else None)
            case "correct":
                rec.edit(_owner(conversation), str(sent.get("entry")), str(sent.get("kind")))
            case "remember":
                rec.remember(_owner(conversation), sent.get("on") == "1")
            case "more" if item in rec.catalog:
                title = rec.catalog.label(rec.catalog[item])
                self.begin(conversation, f"More like {title}", _like(item, title))
            case "remove":
                self.begin(conversation, f"Removed: {sent.get('label', '')}", _drop(sent))
            case "undo" | "edit" if turns := rec.history(conversation):
                if str(turns[-1]["turn"]) == str(sent.get("number")):
                    rec.undo(conversation)
                    return conversation, turns[-1]["user"] if do == "edit" else None
        return conversation, None

    def notice(self, conversation: str, sent: Plain) -> None:
        """Keep that somebody looked into a card or opened its page, once a card and turn. ValueError where none is."""
        if (rec := self.rec) is None:
            return
        if running := self._running.get(conversation):
            running.done.wait()
        number, item = int(sent.get("turn", 0)), str(sent.get("item", ""))
        seq = next((turn.seq for turn in rec.tools.log.turns(conversation) if turn.turn == number), 0)
        rec.feedback(conversation, number, item, "clicked", user=_owner(conversation), key=f"clicked {seq} {item}")

    def views(self, browser: str, conversation: str) -> Iterator[View]:
        """Yield what to show, again whenever it changes while a turn is being answered, the finished state last."""
        state: object = None
        while (running := self._running.get(conversation)) or not self.ready.is_set():
            now = (running and (running.before, running.reply, running.stop.is_set()), running is None, self.stage)
            if now != state:
                state = now
                yield self._view(browser, conversation, running)
            (running.done if running else self.ready).wait(0.1)
        yield self._view(browser, conversation, None)

    def _view(self, browser: str, conversation: str, running: Running | None) -> View:
        from agent.belief import BeliefState

        rec = self.rec
        trouble = "" if running else str(self.failure or self._troubles.get(conversation, ""))
        if rec is None:
            said = said_html({"via": "text", "user": running.said}) if running else hello_html(())
            wait = oops_html(trouble) if trouble else wait_html(self.stage)
            side = side_html((), conversation, self.settings, "")
            return View(side, "", live_html(conversation, said + wait, 0), "", busy=running is not None)
        turns = rec.history(conversation)
        reply = running.reply if running else None
        plain = (
            rec.belief(conversation)
            if running is None
            else (reply and reply["belief"]) or running.before or (turns and turns[-1]["belief"])
        )
        belief = BeliefState.model_validate(plain or {})
        if running:
            number = turns[-1]["turn"] + 1 if turns else 1
            empty = {"turn": number, "items": (), "question": None, "text": "", "done": False, "action": ""}
            live = {**(reply or empty), "user": running.said, "via": running.via, "feedback": ()}
            drawn = turn_html(live, belief, rec.catalog, stopping=running.stop.is_set())
            turns = [turn for turn in turns if turn["turn"] != live["turn"]]
        elif turns:
            *turns, live = turns
            number = live["turn"]
            drawn = turn_html(live, belief, rec.catalog, last=True)
        else:
            number, drawn = 0, hello_html(self.examples)
        mine = [one for one in rec.conversations() if one["id"].startswith(_prefix(browser))]
        line = f"{len(rec.catalog):,} {rec.catalog.schema.nouns}"
        return View(
            side_html(mine, conversation, self.settings, line, rec.version(conversation)),
            "".join(turn_html(turn, belief, rec.catalog) for turn in turns),
            live_html(conversation, drawn + (oops_html(trouble) if trouble else ""), number),
            known_html(belief, rec.catalog)
            + (memory_html(rec.profile(_owner(conversation))) if self.settings.profile else ""),
            busy=running is not None,
        )


    def review(self, browser: str, sent: Plain) -> str:
        """Do what a button or a key of the review stands for, and return what it shows then."""
        from agent.review import Queue

        self.ready.wait()
        if (rec := self.rec) is None:
            return oops_html(str(self.failure or "The terminal in which this page was started says what went wrong."))
        self._queue = queue = self._queue or Queue(rec.tools.log)
        before, do = queue.cases(decided=True), str(sent.get("do", ""))
        case = next((one for one in before if str(one.reacted.seq) == str(sent.get("entry"))), None)
        told = trouble = ""
        draft: Draft | None = None
        try:
            if case is not None and do in ("approve", "reject", "correct", "scenario"):
                told = _decided(rec, self.settings.home, case, sent, _owner(_prefix(browser)))
        except ValueError as error:
            trouble, draft = str(error), Draft(str(sent.get("update", "")), *_listed(sent))
        after = queue.cases(decided=True) if told else before
        open_ = _next_open(before, after, case, "" if trouble else do)
        pending = [one for one in after if one.pending]
        looked = [one for one in after if not one.pending]
        entry = ""
        if open_ is not None:
            entry = case_html(open_, rec.catalog, draft or _draft(open_, rec.catalog), told, trouble, focus=do != "")
        return desk_html(pending, looked, open_, entry, told)


def _draft(case: "Case", catalog: "Catalog") -> Draft:
    """Return the fields of a turn as they are before anybody writes in them."""
    from agent.review_correction import update_text

    review, shown = case.review, tuple(card["id"] for card in case.reacted.record["shown"])
    update = review.update if review and review.update is not None else case.update(catalog)
    return Draft(update_text(update), (review.order if review else ()) or shown, review.reasons if review else {})


def _listed(sent: Plain) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the list and the reasons that a browser sends; what it sends is not trusted."""
    order, reasons = sent.get("order"), sent.get("reasons")
    ids = tuple(map(str, order)) if isinstance(order, list) else ()
    told = {str(item): str(words) for item, words in reasons.items()} if isinstance(reasons, dict) else {}
    return ids, {item: words for item, words in told.items() if item in ids}


def _decided(rec: "Recommender", home: Path, case: "Case", sent: Plain, person: str) -> str:
    """Write the decision that a button stands for, or a scenario; return what to say. ValueError when it cannot be."""
    from agent.review import case_of, decide, unfounded
    from agent.review_correction import read_update
    from agent.review_scenario import save_scenario

    log, catalog, do = rec.tools.log, rec.catalog, sent.get("do")
    if do in ("approve", "reject"):
        made = decide(log, catalog, case, "approved" if do == "approve" else "rejected", person=person)
        return f"{DECIDED[made.decision]}: {case.reacted.text[:60]}"
    order, reasons = _listed(sent)
    old, shown = _draft(case, catalog), {card["id"]: card["reason"] for card in case.reacted.record["shown"]}
    reasons = {item: words for item, words in reasons.items() if words.strip() or item in shown}
    kept = {item: old.reasons.get(item, shown.get(item)) for item in reasons}
    same = (str(sent.get("update")).strip(), order, reasons) == (old.update.strip(), old.order, kept)
    told = []
    if do == "correct" or not same:
        if shown and not order:
            raise ValueError("the list is empty: leave an item on it, or say by the intent that none was wanted")
        update = read_update(str(sent.get("update", "")))
        made = decide(log, catalog, case, "corrected", update=update, order=order, reasons=reasons, person=person)
        told += ["Correction saved", *(f"not in the data: {line}" for line in unfounded(case, catalog, made))]
    if do == "scenario":
        fresh = case_of(log, case.reacted.conversation, case.reacted.turn)
        told.append(f"Scenario written to {_short(save_scenario(home, log, catalog, fresh))}")
    return ". ".join(told)


def _next_open(before: Sequence["Case"], after: Sequence["Case"], case: "Case | None", do: str) -> "Case | None":
    """Return the turn to open: the same one, or the next or previous that waits, round the end of the queue."""
    places = {one.reacted.seq: place for place, one in enumerate(before)}
    pending = [one for one in after if one.pending]
    if case is None:
        return next(iter(pending), None)
    here = places[case.reacted.seq]
    if do in ("approve", "reject", "next"):
        return next((one for one in pending if places.get(one.reacted.seq, 0) > here), next(iter(pending), None))
    if do == "previous":
        earlier = [one for one in pending if places.get(one.reacted.seq, 0) < here]
        return next(reversed(earlier or pending), None)
    return next((one for one in after if one.reacted.seq == case.reacted.seq), None)


def _short(path: Path) -> str:
    """Return a path as people read it, with ~ for their own folder."""
    mine = Path.home()
    return str(Path("~", path.relative_to(mine)) if path.is_relative_to(mine) else path)


def _prefix(browser: str) -> str:
    """Return how the names of a browser's conversations begin; its key cannot be told from it."""
    return f"{hashlib.sha256(browser.encode()).hexdigest()[:16]}-"


def _owner(conversation: str) -> str:
    """Return whose profile a conversation adds to: that of the browser which began it."""
    return conversation.partition("-")[0]


def _like(item_id: str, title: str) -> "BeliefUpdate":
    from agent.belief import BeliefUpdate, ItemVerdict

    like = ItemVerdict(ref=title, verdict="like_this", item_id=item_id, title=title, words="more like this")
    return BeliefUpdate(intent="similar", items=(like,))


def _drop(sent: Plain) -> "BeliefUpdate":
    from agent.belief import BeliefUpdate, Drop

    drop = Drop(attribute=str(sent.get("attribute")), value=sent.get("value"), words="removed")
    return BeliefUpdate(intent="refine", drop=(drop,))


# The page: widgets and wiring


def build_page(page: Page) -> "gr.Blocks":
    """Lay out the widgets and connect them to `page`."""
    import gradio as gr

    def shown(browser: str, conversation: str, words: str | None = None) -> Iterator[list[Any]]:
        for view in page.views(browser, conversation):
            box = gr.skip() if words is None else gr.update(value=words)
            words = None
            parts = [view.side, view.past, view.live, view.known]
            yield [*parts, box, gr.update(visible=not view.busy), gr.update(visible=view.busy)]

    def opened(browser: str, wanted: str) -> Iterator[list[Any]]:
        yield from shown(browser, page.conversation(browser, wanted))

    def sent(browser: str, wanted: str, text: str) -> Iterator[list[Any]]:
        conversation = page.conversation(browser, wanted)
        page.begin(conversation, text)
        yield from shown(browser, conversation, "")

    def stopped(browser: str, wanted: str) -> None:
        page.stop(page.conversation(browser, wanted))

    def clicked(browser: str, wanted: str, event: gr.EventData) -> Iterator[list[Any]]:
        conversation, words = page.conversation(browser, wanted), None
        try:
            conversation, words = page.click(browser, conversation, event._data or {})
        except ValueError as error:
            gr.Warning(text_of(error))
        yield from shown(browser, conversation, words)

    def noticed(browser: str, wanted: str, event: gr.EventData) -> None:
        with suppress(ValueError):
            page.notice(page.conversation(browser, wanted), event._data or {})

    def reviewed(browser: str, wanted: str, event: gr.EventData) -> str:
        return page.review(browser, event._data or {})

    blocks: gr.Blocks
    with gr.Blocks(title="Tastemaker", analytics_enabled=False, fill_width=True) as blocks:
        who, where = gr.Textbox(visible=False), gr.Textbox(visible=False)
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Chat"), gr.Row(elem_id="shell"):
                with gr.Column(elem_id="side"):
                    side = gr.HTML(js_on_load=CLICKS)
                with gr.Column(elem_id="main"):
                    past = gr.HTML(js_on_load=CLICKS, elem_id="past", elem_classes="tm")
                    live = gr.HTML(js_on_load=CLICKS, elem_id="live")
                    with gr.Row(elem_id="write"):
                        box = gr.Textbox(
                            show_label=False, label="Message", placeholder="What do you feel like?", max_lines=6,
                            container=False, autofocus=True, max_length=4000, elem_id="box",
                        )  # fmt: skip
                        send = gr.Button("Send", elem_id="send", variant="primary")
                        stop = gr.Button("Stop", elem_id="stop", visible=False)
                with gr.Column(elem_id="known"):
                    known = gr.HTML(js_on_load=CLICKS)
            with gr.Tab("Review") as review:
                desk = gr.HTML(desk_wait_html("Reading the conversations"), js_on_load=REVIEWED, elem_id="desk")
        outputs = [side, past, live, known, box, send, stop]
        options: dict[str, Any] = {
            "js": WHO, "show_progress": "hidden", "concurrency_limit": None, "api_visibility": "private",
        }  # fmt: skip
        blocks.load(opened, [who, where], outputs, **options)
        gr.on([box.submit, send.click], sent, [who, where, box], outputs, **options)
        stop.click(stopped, [who, where], None, **options)
        clicks = [part.click for part in (side, past, live, known)]
        gr.on(clicks, clicked, [who, where], outputs, trigger_mode="multiple", **options)
        gr.on([past.select, live.select], noticed, [who, where], None, trigger_mode="multiple", **options)
        gr.on([review.select, desk.click], reviewed, [who, where], [desk], **options)
    return blocks


def serve(settings: "Settings") -> None:
    """Serve the page until Ctrl-C. UserError when the address is taken, not on this computer, or loading fails."""
    from retrieval.catalog import UserError

    if not _is_loopback(settings.host):
        fix = "use 127.0.0.1, and an SSH tunnel or a proxy with a login to reach it from elsewhere"
        raise UserError(
            f"settings: host {settings.host}: the page has no accounts and serves this computer only; {fix}"
        )
    port = _free_port(settings)
    os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_DISABLE_TELEMETRY="1")
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = f"{os.environ.get('NO_PROXY', '')},{settings.host},localhost"
    sys.stderr.write("Starting the page.\n")
    import gradio as gr

    page = Page(settings)
    blocks = build_page(page)
    blocks.queue(api_open=False).launch(
        server_name=settings.host, server_port=port, prevent_thread_lock=True, quiet=True, share=False,
        css=CSS + TABS_CSS,
        theme=gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        footer_links=[], run_history=False, enable_monitoring=False, ssr_mode=False, mcp_server=False, max_file_size=1,
    )  # fmt: skip
    sys.stderr.write(f"The page is open on http://{settings.host}:{port} - stop it with Ctrl-C.\n")
    loading = threading.Thread(target=page.load, daemon=True)
    loading.start()
    loading.join()
    if page.failure is not None:
        blocks.close(verbose=False)
        raise page.failure
    if page.rec is None:
        sys.exit(1)
    sys.stderr.write("Ready.\n")
    blocks.block_thread()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _free_port(settings: "Settings") -> int:
    """Return the port to listen on, any free one for 0; UserError when it is taken."""
    from retrieval.catalog import UserError

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            fix = "stop the program that uses it, or choose another with --port"
            raise UserError(f"port {settings.port} on {settings.host}: {error.strerror or error}; {fix}") from None
        return int(probe.getsockname()[1])


# The terminal


def talk(settings: "Settings", messages: Sequence[str], conversation: str, user: str, as_json: bool) -> None:
    """Say `messages` one after the other and write the replies; with `as_json` one JSON object a line, nothing else.

    With a `user`, their profile takes part and is added to.
    """
    from agent import Recommender

    bars = sys.stderr.isatty()
    rec = Recommender.open(settings, _say, progress=bars)
    for message in messages:
        reply = rec.reply(conversation, message, user)
        if as_json:
            sys.stdout.write(json.dumps(reply.as_dict(), ensure_ascii=False) + "\n")
            sys.stdout.flush()
        else:
            _print_reply(message, reply.as_dict(), rec.catalog)
    if not as_json:
        sys.stderr.write(f"\nTo go on: --conversation {conversation}\n")
    rec.close()


def _say(stage: str) -> None:
    sys.stderr.write(f"{stage}\n")


def _print_reply(message: str, reply: Plain, catalog: "Catalog") -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(f"\n› {_plain(message)}", style="bold cyan"))
    for item in reply["items"]:
        facts = facts_line(catalog[item["id"]], catalog)
        console.print()
        console.print(
            Text.assemble((f"{item['rank']}. ", "dim"), (_plain(item["title"]), "bold"), f"  {_plain(facts)}")
        )
        console.print(Padding(Text(_plain(item["reason"])), (0, 0, 0, 3)))
        console.print(Padding(Text(item["semantic_id"], style="dim"), (0, 0, 0, 3)))
    console.print(Text(f"\n{_plain(reply['text'])}"))
    for kind, name in REMEMBERED.items():
        titles = [_plain(entry["title"]) for entry in reply["profile"] if entry["kind"] == kind]
        if titles:
            console.print(Text(f"Remembered: {name[0].lower()}{name[1:]} {', '.join(titles)}", style="dim"))


def _plain(text: str) -> str:
    """Return text without the control characters that would steer a terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(
        prog="tastemaker", description="Open the web page, or with --say talk in the terminal."
    )
    add = described.add_argument
    add(
        "--say",
        action="append",
        metavar="TEXT",
        help="say this in the terminal instead of opening the page; repeatable",
    )
    add("--json", action="store_true", help="with --say: one JSON reply a line, nothing else on standard output")
    add("--conversation", metavar="ID", help="with --say: go on with this conversation (default: a new one)")
    add("--user", metavar="NAME", help="with --say: use and add to what is remembered of this person")
    add("--home", type=Path, metavar="DIR", help="folder with index, models, log (default: ~/.tastemaker)")
    add("--model", metavar="NAME", help="language model: embedded, scripted, a folder or a Hub id")
    add("--adapter", metavar="NAME", help="adapter: auto, none, a folder, or the name of one in the home")
    add("--encoder", metavar="NAME", help="sentence encoder: embedded, hashing, a folder or a Hub id")
    add("--host", metavar="ADDRESS", help="loopback address of the page (default: 127.0.0.1)")
    add("--port", type=int, metavar="N", help="port of the page (default: 7860; 0 takes a free one)")
    return described


def run(args: argparse.Namespace) -> None:
    """Do what the command line says. UserError when it cannot be done."""
    from agent import Settings
    from retrieval.catalog import UserError

    names = ("home", "model", "adapter", "encoder", "host", "port")
    settings = Settings(**{name: value for name in names if (value := getattr(args, name)) is not None})
    if len(args.user or "") > LONGEST_USER:
        raise UserError(f"--user: a name of {len(args.user)} characters; use one of at most {LONGEST_USER}")
    if args.say:
        conversation = args.conversation or f"terminal-{secrets.token_hex(4)}"
        talk(settings, args.say, conversation, args.user or "", args.json)
    elif args.json or args.conversation or args.user:
        raise UserError('--json, --conversation and --user go with --say; for example: --say "a quiet evening" --json')
    else:
        serve(settings)


def main() -> None:
    """Run the program: exit code 0 when done, 2 when the input or a setting is wrong, with one line on stderr."""
    args = parser().parse_args()
    os.environ.setdefault("TQDM_DISABLE", "1")  # The libraries' bars; ours stay.
    from retrieval.catalog import UserError

    try:
        run(args)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
