"""The reader: layers of the language model with a LoRA judge what a message says of everything it may be about.

They answer by choosing among options written in the catalog's words, so that only well-formed updates can come out.
The reader refines what the linear judge makes of the catalog's own words, and adds what no word names: values close in
meaning, wishes in free words, wishes in force that are taken back, items of the list that are only hinted at.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.belief import INTENTS, OPPOSITES
from agent.linking import Linker
from agent.linking.certain import surely
from agent.linking.judges import Judges
from agent.linking.judging import STANCES, Judgement, LinearJudge
from agent.linking.options import Scene
from agent.reader.encoding import ITEM_LABELS, Encoded, encode
from agent.reader.nearness import Nearness
from agent.stretch import Stretch
from retrieval.catalog import Catalog, UserError
from retrieval.encoder import open_embedded

PACKAGED = Path(__file__).with_name("weights")
RECORD = "reader.json"
"""The file beside the weights that says what they were trained on and how."""
MEANT = 0.4
"""Probability from which a verdict is taken as meant, chosen on held-out conversations."""
LONGEST = 768
"""Most tokens that are read; a usual scene has 200."""


class Network(Stretch):
    """The layers of a reader, and its heads."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        """Take the layers of a causal language model, in float32."""
        from agent.reader.network import Heads

        super().__init__(model, tokenizer)
        self.heads = Heads(self.width).eval()


class Reader:
    """Judges scenes by the network, with the linear judge's findings as evidence. Safe to share between threads."""

    def __init__(self, linear: LinearJudge, nearness: Nearness, network: Network) -> None:
        """Read with `network`; `open` is the way in."""
        self.linear, self.near, self.network = linear, nearness, network
        self._hears = True

    @classmethod
    def open(
        cls, linear: LinearJudge, home: Path, weights: Path = PACKAGED, say: Callable[[str], None] = lambda _: None
    ) -> Reader:
        """Open the reader in the folder `weights`; UserError when it is not one or a model is not installed."""
        from safetensors.torch import load_file

        if not (weights / RECORD).is_file():
            raise UserError(f"reader: {weights} holds no reader; train one with `python -m finetune reader`")
        record = json.loads((weights / RECORD).read_text("utf-8"))
        network = Network.of_base(record["config"]["model"], home, say)
        network.adapt(weights)
        found = load_file(weights / "heads.safetensors")
        network.heads.load_state_dict({name: value.float() for name, value in found.items()})
        return cls(linear, Nearness(linear.catalog, open_embedded(), home / "reader"), network)

    def alone(self) -> Reader:
        """Return the same reader without the linear judge's findings."""
        other = copy.copy(self)
        other._hears = False
        return other

    def judge(self, scene: Scene) -> Judgement:
        """Return what the message says of every option, and its intent.

        Options beyond `LONGEST` tokens are left to the linear judge: a page of pasted titles must not hold people up.
        """
        import torch

        from agent.reader.network import batch

        read = encoded(scene, self.linear, self.network.tokenizer).within(LONGEST)
        scenes = batch([read])
        if not self._hears:
            scenes = replace(scenes, evidence=scenes.evidence * 0, intent=scenes.intent * 0)
        with torch.inference_mode():
            verdicts, stances, intents = self.network.heads(self.network.states(scenes), scenes)
        of_items, of_others = torch.sigmoid(verdicts).tolist(), torch.softmax(stances, 1).tolist()
        chances = [
            dict(zip(ITEM_LABELS, of_items[place], strict=True))
            if option.kind == "item"
            else dict(zip(STANCES, of_others[place], strict=True))
            for place, option in enumerate(scene.options[: len(read.options)])
        ]
        said = [
            _meant(found) if option.kind == "item" else self._taken(found, option.attribute)
            for option, found in zip(scene.options, chances, strict=False)
        ]
        rest = scene.options[len(read.options) :]
        chances += [dict(self.linear.chances(option)) for option in rest]
        said += [self.linear.said(scene, option) for option in rest]
        shares = torch.softmax(intents[0], 0).tolist()
        return Judgement(tuple(said), tuple(chances), dict(zip(INTENTS, shares, strict=True)))

    def _taken(self, chances: Mapping[str, float], attribute: str) -> tuple[str, ...]:
        stance = surely(max(chances, key=chances.__getitem__), chances, attribute, self.linear.catalog)
        return () if stance == "none" else (stance,)


def open_linker(
    catalog: Catalog, reader: str, model: str, home: Path, say: Callable[[str], None] = lambda _: None
) -> Linker:
    """Return the linker with the judge that the settings `reader` and `model` name; UserError when there is none.

    `auto` is the packaged reader, and the linear judge where none is packaged or the model is a scripted one.
    """
    linear = LinearJudge(Judges.load(), catalog)
    if reader == "none" or (reader == "auto" and (model == "scripted" or not PACKAGED.is_dir())):
        return Linker(catalog, linear)
    folder = PACKAGED if reader == "auto" else Path(reader).expanduser()
    return Linker(catalog, Reader.open(linear, home, folder, say))


def encoded(scene: Scene, linear: LinearJudge, tokenizer: Any) -> Encoded:
    """Return a scene as the network reads it, with what `linear` makes of it."""
    chances = [linear.chances(option) for option in scene.options]
    said = [linear.said(scene, option) for option in scene.options]
    return encode(scene, chances, linear.intent_chances(scene, said), tokenizer)


def _meant(chances: Mapping[str, float]) -> tuple[str, ...]:
    """Return the verdicts that are likely, of two opposite ones the likelier."""
    return tuple(
        name
        for name, chance in chances.items()
        if chance >= MEANT and chance >= chances.get(OPPOSITES.get(name, ""), 0.0)
    )
