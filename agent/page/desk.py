"""How turns to review are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.page.markup import COMPLAINTS, button, text_of, wait_html
from agent.versions import SHIPPED

if TYPE_CHECKING:
    from agent.review import Case
    from retrieval.catalog import Catalog

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


@dataclass(frozen=True)
class Draft:
    """What stands in the fields of a turn under review."""

    update: str
    """YAML."""
    order: tuple[str, ...]
    """Ids of the items on the list."""
    reasons: Mapping[str, str]
    """Those that are not as they were told."""


def desk_html(pending: Sequence[Case], decided: Sequence[Case], here: Case | None, entry: str, told: str) -> str:
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


def queued_html(case: Case, here: bool) -> str:
    """Draw one line of the queue: what was said, and why it is there or what was decided."""
    one = case.reacted
    told = WHY[case.why[0]] if case.pending or case.review is None else DECIDED[case.review.decision]
    state = ' aria-current="true"' if here else ""
    return (
        f'<li class="{"here" if here else ""}"><button type="button" class="open" data-do="look" data-entry="{one.seq}"'
        f"{state}>{text_of(one.text[:200])}<small>{text_of(told)} · {text_of(one.at[:10])}</small></button></li>"
    )


def case_html(
    case: Case, catalog: Catalog, draft: Draft, told: str = "", trouble: str = "", *, focus: bool = False
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


def row_html(item: str, case: Case, draft: Draft, catalog: Catalog) -> str:
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
