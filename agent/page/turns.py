"""How a turn is drawn: what was said, the cards, the answer, and what can be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.page.markup import COMPLAINTS, Plain, button, text_of, wait_html

if TYPE_CHECKING:
    from agent.belief import BeliefState
    from retrieval.catalog import Catalog, Item

VERDICTS = {"liked": "Like", "accepted": "I'll take it", "disliked": "Not for me", "seen": "Seen it"}
"""Verdicts that a card takes, and what its buttons say."""
THUMB = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M7 10.5v9H4v-9zM10 10l3.4-7c1.4.1 2.3 1 2.3 2.4'
    'L15 9.2h4.2c1.2 0 2 1 1.8 2.1l-1.3 6.6c-.2 1-1 1.6-2 1.6H10z"/></svg>'
)


def turn_html(turn: Plain, belief: BeliefState, catalog: Catalog, *, last: bool = False, stopping: bool = False) -> str:
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


def card_html(item: Plain, turn: int, verdicts: frozenset[str], catalog: Catalog, done: bool) -> str:
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


def facts_line(item: Item, catalog: Catalog) -> str:
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


def why_html(item: Plain, turn: int, known: Item | None, catalog: Catalog) -> str:
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
