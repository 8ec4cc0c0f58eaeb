"""How what was understood is drawn, and what is remembered of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.page.markup import Plain, button, text_of

if TYPE_CHECKING:
    from agent.belief import BeliefState
    from retrieval.catalog import Catalog

GROUPS = {
    "Like these": ("liked", "like_this", "accepted"),
    "Seen": ("seen",),
    "Turned down": ("disliked", "rejected", "unlike_this"),
}
REMEMBERED = {"liked": "You like", "disliked": "Not for you", "seen": "You have seen", "accepted": "You chose"}
"""What a profile holds, by kind of entry."""
CORRECTIONS = {"liked": ("disliked", "I do not like it"), "disliked": ("liked", "I like it")}


def known_html(belief: BeliefState, catalog: Catalog) -> str:
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
            limits.append(chip_html(label, "", " ".join(words), max(low.turn, high.turn), low.attribute, None))
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
