"""The reader learns: labels, disturbances, training, resuming, and what it leaves behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny_model

from agent.belief import BeliefState, BeliefUpdate, Drop, ItemVerdict, Limit, Preference, apply
from agent.linking import Linker
from agent.linking.judges import Judges
from agent.linking.judging import STANCES, LinearJudge
from agent.reader import RECORD, Nearness, Network, Reader
from agent.reader.encoding import ITEM_LABELS
from finetune.config import ReaderConfig
from finetune.examples import labelled, read_dialogues
from finetune.reader import judged, report, train
from finetune.reader_rows import Row, label_of, rows_of
from retrieval.catalog import Catalog, UserError
from retrieval.encoder import SentenceEncoder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> SentenceEncoder:
    return SentenceEncoder("tiny", str(tiny_model.make_encoder(tmp_path_factory.mktemp("encoder"))))


@pytest.fixture
def network(model: Path) -> Network:
    return Network.of_base(str(model), model)


@pytest.fixture(scope="module")
def model(demo_catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.make(tmp_path_factory.mktemp("model"), demo_catalog, layers=9)


@pytest.fixture(scope="module")
def nearness(demo_catalog: Catalog, encoder: SentenceEncoder) -> Nearness:
    return Nearness(demo_catalog, encoder)


@pytest.fixture(scope="module")
def rows(demo_catalog: Catalog, model: Path, nearness: Nearness) -> list[Row]:
    linear = LinearJudge(Judges.load(), demo_catalog)
    tokenizer = Network.of_base(str(model), model).tokenizer
    return rows_of(read_dialogues()[:2], demo_catalog, tokenizer, nearness, linear)


def label(catalog: Catalog, text: str, belief: BeliefState, gold: BeliefUpdate, about: str) -> object:
    scene = Linker(catalog).scene(text, belief)
    option = next(option for option in scene.options if about in option.text)
    found = label_of(option, gold)
    return {name for name, holds in zip(ITEM_LABELS, found, strict=True) if holds} if isinstance(found, tuple) else (
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


def test_training_learns_resumes_and_writes_a_reader_that_opens(
    rows: list[Row], network: Network, model: Path, demo_catalog: Catalog, tmp_path: Path
) -> None:
    losses: list[float] = []
    steps: list[int] = []
    config = ReaderConfig(model=str(model), epochs=3, rank=2, batch=8)
    before: list[dict[str, float]] = []

    def heard(what: str, step: int, of: int, loss: float) -> None:
        if what == "learning":
            steps.append(step)
            losses.append(loss)

    def stop_after_second(epoch: int) -> None:
        before.append(report(judged(rows[:5], network)))
        if epoch == 1:
            raise KeyboardInterrupt

    out = tmp_path / "reader"
    with pytest.raises(KeyboardInterrupt):
        train(rows, network, config, out, heard, stop_after_second)
    per_epoch = len(steps) // 2
    for others, other in ((rows[1:], config), (rows, config.model_copy(update={"rate": 1e-4}))):
        with pytest.raises(UserError, match=r"checkpoint.pt: left by a run on other"):
            train(others, Network.of_base(str(model), model), other, out, heard)
    again = Network.of_base(str(model), model)
    train(rows, again, config, out, heard)
    assert steps[2 * per_epoch] == per_epoch + 1, "a finished epoch is kept, the one that broke off begins again"
    assert sum(losses[-per_epoch:]) < sum(losses[:per_epoch])
    assert set(before[0]) >= {"intent", "item", "value"}
    record = json.loads((out / RECORD).read_text("utf-8"))
    assert record["rows"] == len(rows)
    assert str(tmp_path) not in (out / "adapter_config.json").read_text("utf-8")
    assert sorted(path.name for path in out.iterdir()) == [
        "adapter_config.json", "adapter_model.safetensors", "heads.safetensors", RECORD,
    ]  # fmt: skip
    reader = Reader.open(LinearJudge(Judges.load(), demo_catalog), tmp_path, out)
    trained = judged(rows[:3], again)
    for row, verdicts, stances, _ in judged(rows[:3], reader.network):
        _, wanted, other, _ = next(found for found in trained if found[0] is row)
        assert torch_close(verdicts, wanted)
        assert torch_close(stances, other)


def torch_close(left: object, right: object) -> bool:
    """Compare what was trained with what was written in half precision."""
    import torch

    assert isinstance(left, torch.Tensor)
    assert isinstance(right, torch.Tensor)
    return bool(torch.allclose(left, right, atol=0.05, rtol=0.05))


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
