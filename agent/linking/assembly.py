"""From what was judged of every option to the update that it amounts to."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.belief import (
    ITEMS,
    ItemVerdict,
    Limit,
    Preference,
    Verdict,
    same,
)
from agent.linking.drafts import Draft, ValueSight, soften_choices, unique
from agent.linking.features import positive
from agent.linking.in_titles import TITLE
from agent.linking.mentions import Bound
from agent.linking.options import Option, Scene
from retrieval.catalog import Catalog
from retrieval.constraints import Op

TAKEN_BACK = "taken_back"
"""Said of an item whose verdicts no longer hold."""
_DECADE = 9
_SCRATCH = re.compile(
    r"(?:(?:no|ok|okay|oh|wait|actually|hm+|sorry|well|,) )*"
    r"(?:scratch|scrap|strike|forget|never ?mind|nvm|undo|cancel) that\b"
)


def assemble(scene: Scene, said: Sequence[Sequence[str]], catalog: Catalog) -> Draft:
    """Return the update without its intent.

    `said` holds for every option the verdicts on an item, or at most one stance to anything else.
    """
    writer = _Writer(scene, catalog)
    for option, judged in zip(scene.options, said, strict=True):
        if option.kind == "item":
            writer.item(option, judged)
        elif judged:
            writer.stance(option, judged[0])
    draft = writer.draft
    whole = {drop.attribute for drop in draft.drops if drop.value is None}
    draft.drops = [drop for drop in draft.drops if drop.value is None or drop.attribute not in whole]
    draft.limits = unique(draft.limits)
    soften_choices(scene.sighting.message, draft)
    refused = {(entry.attribute, str(entry.value)) for entry in draft.limits}
    draft.wishes = [entry for entry in unique(draft.wishes) if (entry.attribute, str(entry.value)) not in refused]
    return draft


class _Writer:
    """Writes entries into a draft, each with the words that it came from."""

    def __init__(self, scene: Scene, catalog: Catalog) -> None:
        self.message, self.belief, self.catalog = scene.sighting.message, scene.belief, catalog
        self.draft = Draft()

    def item(self, option: Option, said: Sequence[str]) -> None:
        spoken_of = option.mention is not None and option.mention.ref != "focus" and not self._implied(option)
        if not (spoken_of or said):
            return
        if option.item_id not in self.draft.targets:
            self.draft.targets.append(option.item_id)
        words = self._words(option) or self.message.text
        for verdict in said:
            if verdict == TAKEN_BACK:
                self.draft.add_drop(ITEMS, option.item_id, words)
            else:
                self._verdict(option, verdict, words)  # type: ignore[arg-type]

    def _verdict(self, option: Option, verdict: Verdict, words: str) -> None:
        label = self.catalog.label(self.catalog[option.item_id])
        mention, ref = option.mention, label
        if mention is not None and mention.ref.startswith("#"):
            ref = mention.ref.split()[mention.item_ids.index(option.item_id)]
        elif mention is not None and not mention.ref:
            ref = words
        self.draft.verdicts.append(
            ItemVerdict(ref=ref, verdict=verdict, item_id=option.item_id, title=label, words=words)
        )

    @staticmethod
    def _implied(option: Option) -> bool:
        return any("implied" in sight.features for sight in option.sights)

    def stance(self, option: Option, stance: str) -> None:
        words = self._words(option)
        held = [entry for entry in self.belief.wishes if entry.attribute == option.attribute]
        if option.kind == "attribute":
            if stance == "drop" and held:
                self.draft.add_drop(option.attribute, None, words)
        elif option.kind == "bound":
            self._bound(option, stance, held, words)
        elif stance == "drop":
            if any(same(entry.value, option.value) for entry in held):
                self.draft.add_drop(option.attribute, option.value, words)
        else:
            self._value(option, stance, held, words)

    def _bound(self, option: Option, stance: str, held: Sequence[Limit | Preference], words: str) -> None:
        relative = option.mention is not None and bool(option.mention.ref)
        for value in [None] if held and stance == "drop" else _replaced(held, option.bounds, relative):
            self.draft.add_drop(option.attribute, value, words)
        if stance in ("wish", "avoid"):
            wish = Preference(
                attribute=option.attribute, value=_spoken(option), weight=1 if stance == "wish" else -1, words=words
            )
            self.draft.wishes.append(wish)
        elif stance != "drop":
            for bound in option.bounds:
                value = int(bound.value) if float(bound.value).is_integer() else bound.value
                self.draft.limits.append(Limit(attribute=bound.attribute, op=bound.op, value=value, words=words))

    def _value(self, option: Option, stance: str, held: Sequence[Limit | Preference], words: str) -> None:
        attribute, value = option.attribute, option.value
        wanted = (stance in ("is", "wish")) != option.negated
        column = self.catalog.schema.column(attribute)
        number = column is not None and column.role == "number"
        soft = stance in ("wish", "avoid") or attribute == "text" or number
        for entry in held:
            if same(entry.value, value):
                softer = isinstance(entry, Limit) and soft
                overruled = positive(entry) != wanted or softer
            else:
                one = column is not None and not column.many
                overruled = wanted and positive(entry) and (one or self._instead(option, entry))
            for gone in self._said_with(entry, option) if overruled else ():
                self.draft.add_drop(gone.attribute, gone.value, words)
        if soft:
            self.draft.wishes.append(
                Preference(attribute=attribute, value=value, weight=1 if wanted else -1, words=words)
            )
        else:
            op: Op = "contains" if attribute == TITLE else "is" if wanted else "is_not"
            self.draft.limits.append(Limit(attribute=attribute, op=op, value=value, words=words))

    def _instead(self, option: Option, entry: Limit | Preference) -> bool:
        """Tell whether a value takes the place of `entry`: `japanese instead`, `scratch that, a comedy`."""
        if _SCRATCH.match(self.message.line):
            return entry.turn == self.belief.turn
        return any(isinstance(sight, ValueSight) and sight.reading.instead for sight in option.sights)

    def _said_with(self, entry: Limit | Preference, option: Option) -> list[Limit | Preference]:
        """Return `entry`, and what the same words also put into the belief when something comes in its place."""
        if not self._instead(option, entry) or not entry.words:
            return [entry]
        return [
            other for other in self.belief.wishes
            if other.turn == entry.turn and other.words and (other.words in entry.words or entry.words in other.words)
        ]  # fmt: skip

    def _words(self, option: Option) -> str:
        return self.message.text[slice(*option.span)] if option.span else ""


def _replaced(
    held: Sequence[Limit | Preference], bounds: Sequence[Bound], relative: bool
) -> list[str | int | float | None]:
    """Return which values in force new bounds replace; None stands for all of them.

    A new upper end takes the place of the old one; the lower end stays unless the two cross, or a bound that is
    `relative` to items (`newer than those`) leaves a range that was said in one (`from the 80s`).
    """
    if len(bounds) != 1 or bounds[0].op == "is":
        return [None] if held else []
    op, value = bounds[0].op, bounds[0].value
    other = "at_most" if op == "at_least" else "at_least"
    way = 1 if other == "at_most" else -1
    kept = [e for e in held if isinstance(e, Limit) and e.op == other and way * (float(e.value) - value) >= 0]
    if relative:
        kept = [
            e
            for e in kept
            if not any((e.words, e.turn) == (other.words, other.turn) for other in held if other is not e)
        ]
    return [entry.value for entry in held if entry not in kept] if kept else [None] if held else []


def _spoken(option: Option) -> str:
    """Return a bound as a soft wish has it: a comparative, a decade by its name, else the words of the bound."""
    if option.mention is not None and option.mention.ref:
        return option.mention.ref
    low, high = (next((b.value for b in option.bounds if b.op == op), None) for op in ("at_least", "at_most"))
    if low is not None and high is not None and high - low == _DECADE and low % 10 == 0:
        return f"{low:.0f}s"
    words = {"at_least": "from", "at_most": "up to", "is": ""}
    return " ".join(f"{words.get(bound.op, '')} {bound.value:g}".strip() for bound in option.bounds)
