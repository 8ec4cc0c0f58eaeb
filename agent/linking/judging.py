"""Deciding what a message says of each option: the protocol, and the linear judge, which needs no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.belief import VERDICTS
from agent.linking import certain, intents
from agent.linking.assembly import assemble
from agent.linking.drafts import Draft, ItemSight, ValueSight, facts_of
from agent.linking.features import intent_features
from agent.linking.judges import Judges
from agent.linking.options import Near, Option, Scene
from retrieval.catalog import Catalog

STANCES = ("none", "is", "is_not", "wish", "avoid", "drop")
ENOUGH = 0.35
"""Probability from which a verdict is taken as meant, chosen by folds."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a message says."""

    said: tuple[tuple[str, ...], ...]
    """For every option the verdicts on an item, or at most one stance to anything else."""
    chances: tuple[Mapping[str, float], ...]
    """For every option verdict or stance -> probability; empty where it was not looked at."""
    intents: Mapping[str, float]
    """Intent -> probability."""

    @property
    def intent(self) -> str:
        """The most probable intent."""
        return max(self.intents, key=self.intents.__getitem__)


class Judge(Protocol):
    """Decides what is said of the options of a message."""

    def near(self, text: str) -> tuple[Near, ...]:
        """Return values of the catalog that are close in meaning to words of `text`, the closest first."""
        ...

    def judge(self, scene: Scene) -> Judgement:
        """Return what the message says of every option, and its intent."""
        ...


class LinearJudge:
    """Judges by logistic regressions over plain features, corrected where wordings are certain.

    It knows nothing of options that the message does not name in the catalog's words.
    """

    def __init__(self, judges: Judges, catalog: Catalog) -> None:
        """Judge what is said of `catalog` by `judges`."""
        self.judges, self.catalog = judges, catalog

    def near(self, text: str) -> tuple[Near, ...]:
        """Return nothing: closeness in meaning takes an encoder."""
        return ()

    def judge(self, scene: Scene) -> Judgement:
        """Return what the message says of every option, and its intent."""
        said = tuple(self.said(scene, option) for option in scene.options)
        return Judgement(said, tuple(map(self.chances, scene.options)), self.intent_chances(scene, said))

    def chances(self, option: Option) -> Mapping[str, float]:
        """Return verdict or stance -> probability, by the mention where it is highest; empty for what is not named."""
        found = [self._chances_at(sight) for sight in option.sights]
        return {name: max(chances[name] for chances in found) for name in found[0]} if found else {}

    def intent_chances(self, scene: Scene, said: Sequence[Sequence[str]]) -> Mapping[str, float]:
        """Return intent -> probability, given what was said of the options."""
        return self.judges.intent.probabilities(features_of_intent(scene, assemble(scene, said, self.catalog)))

    def said(self, scene: Scene, option: Option) -> tuple[str, ...]:
        """Return the verdicts on an item, or at most one stance to anything else."""
        found = [name for sight in option.sights for name in self._said_at(scene, sight)]
        found = list(dict.fromkeys(found))
        return tuple(found if option.kind == "item" else found[:1])

    def _chances_at(self, sight: ItemSight | ValueSight) -> Mapping[str, float]:
        if isinstance(sight, ValueSight):
            return self.judges.value.probabilities(sight.features)
        judge = self.judges.focus if sight.mention.ref == "focus" else self.judges.item
        return judge.probabilities(sight.features)

    def _said_at(self, scene: Scene, sight: ItemSight | ValueSight) -> Sequence[str]:
        chances, message = self._chances_at(sight), scene.sighting.message
        if isinstance(sight, ValueSight):
            stance = certain.stance_of(chances, message, sight, scene.belief)
            stance = certain.surely(stance, chances, sight.meaning.attribute, self.catalog)
            return () if stance == "none" else (stance,)
        judged = [name for name in VERDICTS if chances.get(name, 0.0) >= ENOUGH]
        if sight.mention.ref == "focus":
            return judged
        return certain.settle(judged, message, sight.mention, sight.context)


def features_of_intent(scene: Scene, draft: Draft) -> list[str]:
    """Return the features by which the intent is judged once everything else is."""
    message = scene.sighting.message
    facts = facts_of(draft.limits, draft.wishes, draft.drops, draft.verdicts)
    if draft.targets:
        shown = {line.item_id for line in scene.belief.last_shown()}
        facts.append("names:shown" if shown & set(draft.targets) else "names:other")
        facts += ["names:two"] if len(set(draft.targets)) > 1 else []
    flags = intents.cue_flags(message.line)
    features = intent_features(message, scene.sighting.mentions, scene.belief, facts)
    return [*features, *flags, *(f"{flag}&{fact}" for flag in flags for fact in facts)]
