"""The reader learns: labels, disturbances, training, resuming, and what it leaves behind."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from tiny_model import make_encoder

from agent.belief import BeliefState, BeliefUpdate, Drop, ItemVerdict, Limit, Preference, apply
from agent.linking import Linker
from agent.linking.judges import Judges
from agent.linking.judging import STANCES, LinearJudge
from agent.reader import Nearness, Reader
from agent.reader.encoding import KINDS, VERDICTS
from finetune.config import ReaderConfig
from finetune.examples import labelled, read_dialogues
from finetune.reader import Row, _disturbed, _pools, judged, label_of, report, rows_of, train
from retrieval.catalog import Catalog
from retrieval.encoder import SentenceEncoder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> SentenceEncoder:
    return SentenceEncoder("tiny", str(make_encoder(tmp_path_factory.mktemp("encoder"))))


@pytest.fixture(scope="module")
def nearness(demo_catalog: Catalog, encoder: SentenceEncoder) -> Nearness:
    return Nearness(demo_catalog, encoder)


@pytest.fixture(scope="module")
def rows(demo_catalog: Catalog, encoder: SentenceEncoder, nearness: Nearness) -> list[Row]:
    linear = LinearJudge(Judges.load(), demo_catalog)
    return rows_of(read_dialogues()[:8], demo_catalog, encoder, nearness, linear)


def label(catalog: Catalog, text: str, belief: BeliefState, gold: BeliefUpdate, about: str) -> object:
    scene = Linker(catalog).scene(text, belief)
    option = next(option for option in scene.options if about in option.text)
    found = label_of(option, gold)
    return {name for name, holds in zip(VERDICTS, found, strict=True) if holds} if isinstance(found, tuple) else (
        STANCES[found]
    )  # fmt: skip


def test_options_get_the_labels_that_their_entries_say(demo_catalog: Catalog) -> None:
    gold = BeliefUpdate(
        set=(
            Limit(attribute="genres", op="is_not", value="Horror"),
            Limit(attribute="year", op="at_least", value=1990),
        ),
        prefer=(Preference(attribute="text", value="clever dialogue", weight=1),),
        items=(ItemVerdict(ref="Heat", verdict="seen", item_id="heat-1995"),),
    )
    text = "no horror, after 1989, dialogue that is clever. Heat (1995) i have seen, no western though"
    start = BeliefState()
    assert label(demo_catalog, text, start, gold, "genres: Horror") == "is_not"
    assert label(demo_catalog, text, start, gold, "genres: Western") == "none"
    assert label(demo_catalog, text, start, gold, "year at least") == "is"
    assert label(demo_catalog, text, start, gold, "Heat (1995)") == {"seen"}
    assert label(demo_catalog, text, start, gold, "words: dialogue") == "wish"


def test_what_is_taken_back_is_labelled_at_what_was_in_force(demo_catalog: Catalog) -> None:
    held = apply(
        BeliefState(),
        BeliefUpdate(
            set=(
                Limit(attribute="language", op="is", value="Korean"),
                Limit(attribute="year", op="at_most", value=1999),
            ),
            items=(ItemVerdict(ref="Heat", verdict="rejected", item_id="heat-1995"),),
        ),
    )
    gold = BeliefUpdate(
        drop=(
            Drop(attribute="language", value="Korean"),
            Drop(attribute="year"),
            Drop(attribute="items", value="heat-1995"),
        )
    )
    text = "scrap that, any time, and Heat (1995) is fine after all"
    assert label(demo_catalog, text, held, gold, "language: Korean") == "drop"
    assert label(demo_catalog, text, held, gold, "any year") == "drop"
    assert label(demo_catalog, text, held, gold, "any language") == "none"
    assert label(demo_catalog, text, held, gold, "Heat (1995)") == {"taken_back"}


def test_a_disturbed_scene_keeps_every_option_and_the_words_that_point_to_it(rows: list[Row]) -> None:
    pools = _pools(rows)
    config = ReaderConfig(swaps=1.0, blanks=0.0)
    rng = random.Random(1)
    swapped = 0
    for row in rows:
        scene = _disturbed(row.scene, pools, config, 103, rng)
        assert (len(scene.options), scene.kinds) == (len(row.scene.options), row.scene.kinds)
        assert scene.message[1] - scene.message[0] == len(scene.ids) - scene.message[0] - 1
        for (start, end), (first, last) in zip(scene.spans, row.scene.spans, strict=True):
            assert (start < end) == (first < last)
            assert end <= scene.message[1]
        swapped += scene.options != row.scene.options
        for place, kind in enumerate(scene.kinds):
            start, end = scene.spans[place]
            if KINDS[kind] == "value" and scene.options[place] != row.scene.options[place]:
                assert scene.ids[start:end] in [
                    scene.options[place][at : at + end - start] for at in range(len(scene.options[place]))
                ]
    assert swapped


def test_training_learns_resumes_and_writes_a_reader_that_opens(
    rows: list[Row], encoder: SentenceEncoder, demo_catalog: Catalog, nearness: Nearness, tmp_path: Path
) -> None:
    losses: list[float] = []
    config = ReaderConfig(epochs=3, rank=2, batch=8)
    before = {}

    def stop_after_first(epoch: int, tuned: object, heads: object) -> None:
        before[epoch] = report(judged(rows[:5], tuned, heads))
        if epoch == 1:
            raise KeyboardInterrupt

    out = tmp_path / "reader"
    with pytest.raises(KeyboardInterrupt):
        train(rows, encoder, config, out, lambda step, of, loss: losses.append(loss), stop_after_first)
    done = len(losses)
    steps: list[int] = []
    train(rows, encoder, config, out, lambda step, of, loss: (steps.append(step), losses.append(loss))[0])
    per_epoch = done // 2
    assert steps[0] == per_epoch + 1, "one finished epoch is kept, the one that broke off begins again"
    assert sum(losses[-per_epoch:]) < sum(losses[:per_epoch])
    assert set(before[0]) >= {"intent", "item", "value"}
    assert json.loads((out / "run.json").read_text("utf-8"))["rows"] == len(rows)
    assert not (out / "checkpoint.pt").exists()


def test_every_packaged_file_of_dialogues_is_labelled_in_one_of_two_parts() -> None:
    for path in labelled():
        for dialogue in read_dialogues(path, split=None):
            assert dialogue["split"] in ("train", "dev")


def test_a_folder_without_a_reader_is_refused_with_the_command_that_makes_one(
    demo_catalog: Catalog, tmp_path: Path
) -> None:
    from retrieval.catalog import UserError

    with pytest.raises(UserError, match="python -m finetune reader"):
        Reader.open(LinearJudge(Judges.load(), demo_catalog), tmp_path, tmp_path / "nothing")
