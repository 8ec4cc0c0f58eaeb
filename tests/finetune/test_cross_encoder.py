"""The cross-encoder: candidates that do not see each other, and what it learns, keeps and leaves behind."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tiny_model

from agent.belief import BeliefState, Preference
from agent.cross_encoder import LONGEST, OPTION, CrossEncoded, CrossEncoder
from agent.ranking import Reranker, Scored
from agent.scoring import CROSS_ENCODER, cross_encoder_folder
from finetune.config import CrossEncoderConfig
from finetune.ranker import Config, Held, Logged, fold_of
from finetune.ranker.cross_encoder import Lesson, drawn, train
from finetune.ranker.cross_encoder import lessons as lessons_of
from finetune.ranker.making import figures, listeners, make, reranked
from retrieval.catalog import Catalog, CatalogSchema, Column, Item, UserError
from retrieval.encoder import HashingEncoder
from retrieval.index import build
from retrieval.learned import LearnedRanker
from retrieval.learned.student import open_student
from retrieval.query import Candidate, Query
from retrieval.search import Retriever


@pytest.fixture(scope="module")
def model(wines: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.make(tmp_path_factory.mktemp("model"), wines, layers=9)


@pytest.fixture
def encoder(model: Path) -> CrossEncoder:
    return headed(model)


def headed(model: Path) -> CrossEncoder:
    """Open a model with a head that says something, as an untrained one does not."""
    found = CrossEncoder.of_base(str(model), model)
    generator = np.random.default_rng(0)
    import torch

    with torch.no_grad():
        weight = found.head.out.weight
        weight.copy_(torch.tensor(generator.normal(size=tuple(weight.shape)), dtype=torch.float32))
    return found


def lessons(encoder: CrossEncoder, catalog: Catalog, count: int = 32) -> list[Lesson]:
    """Ask for a vintage in words: the candidate of that year is right, whatever the learned order says."""
    rng, found = random.Random(0), []
    ids = [item.id for item in catalog]
    for _ in range(count):
        right, *wrong = rng.sample(ids, 4)
        text = f"a wine of {catalog[right].number('vintage'):.0f}"
        reading = encoder.reading(text, "", BeliefState(), [right, *wrong], catalog)
        found.append(Lesson(text, reading, np.array([0.0, 0.3, 0.2, 0.1], np.float32), 1))
    return found


@pytest.mark.parametrize("kind", ["llama", "qwen3"])
def test_what_speaks_for_a_candidate_depends_on_no_other_one(wines: Catalog, tmp_path: Path, kind: str) -> None:
    encoder = headed(tiny_model.make(tmp_path, wines, layers=9, kind=kind))
    ids = [item.id for item in wines]
    together = encoder.judge(encoder.reading("with fish", "dry", BeliefState(), ids, wines))
    backwards = encoder.judge(encoder.reading("with fish", "dry", BeliefState(), ids[::-1], wines))
    [alone] = encoder.judge(encoder.reading("with fish", "dry", BeliefState(), ids[3:4], wines))
    assert backwards[::-1] == pytest.approx(together, abs=1e-4)
    assert alone == pytest.approx(together[3], abs=1e-4)
    assert np.ptp(together) > 1e-3


def test_what_was_said_and_believed_changes_what_speaks_for_a_candidate(encoder: CrossEncoder, wines: Catalog) -> None:
    ids = [item.id for item in wines]
    wish = BeliefState(preferences=(Preference(attribute="grapes", value="Malbec"),))
    said = [("with fish", "", BeliefState()), ("with meat", "", BeliefState()), ("with fish", "red", BeliefState()),
            ("with fish", "", wish)]  # fmt: skip
    found = [encoder.judge(encoder.reading(text, before, belief, ids, wines)) for text, before, belief in said]
    assert all(not np.allclose(found[0], other, atol=1e-4) for other in found[1:])


def test_a_long_message_keeps_its_opening_and_its_end(encoder: CrossEncoder, wines: Catalog) -> None:
    belief = BeliefState()
    short = encoder.reading("dry", "", belief, ["red-hill"], wines)
    long = encoder.reading("dry " * 300, "sweet " * 300, belief, ["red-hill"], wines)
    assert len(short.prompt) < len(long.prompt) <= LONGEST
    assert long.prompt[:8] == short.prompt[:8] and long.prompt[-4:] == short.prompt[-4:]
    assert all(len(option) <= OPTION for option in long.options)


def test_untrained_it_leaves_the_order_as_it_is(model: Path, wines: Catalog) -> None:
    encoder = CrossEncoder.of_base(str(model), model)
    pool = [Candidate(item.id, 1 - place / 100) for place, item in enumerate(wines)]
    ranked = Reranker(CrossEncoded(encoder, wines), len(pool)).rank("dry", BeliefState(), pool)
    assert [one.item_id for one in ranked] == [item.id for item in wines]
    assert all(one.likelihood == 0 for one in ranked)


def test_training_learns_what_the_order_does_not_know_resumes_and_writes_what_opens(
    model: Path, wines: Catalog, tmp_path: Path
) -> None:
    encoder = CrossEncoder.of_base(str(model), model)
    taught = lessons(encoder, wines)
    config = CrossEncoderConfig(model=str(model), epochs=4, rate=3e-3, head_rate=1e-2, rank=4)
    steps, losses = list[int](), list[float]()

    def heard(what: str, step: int, of: int, loss: float) -> None:
        if what == "learning":
            steps.append(step)
            losses.append(loss)
            if step == of - 2 and len(steps) < of:
                raise KeyboardInterrupt

    out = tmp_path / "cross_encoder"
    with pytest.raises(KeyboardInterrupt):
        train(taught, encoder, config, out, heard)
    again = CrossEncoder.of_base(str(model), model)
    with pytest.raises(UserError, match=r"checkpoint.pt: left by a run on other"):
        train(taught[1:], CrossEncoder.of_base(str(model), model), config, out, heard)
    train(taught, again, config, out, heard)
    each = steps[-1] // config.epochs
    assert steps[steps.index(steps[-1] - 2) + 1] == 3 * each + 1, "a finished epoch is kept"
    assert np.mean(losses[-each:]) < np.mean(losses[:each])
    assert sorted(path.name for path in out.iterdir()) == [
        "adapter_config.json", "adapter_model.safetensors", "cross_encoder.json", "head.safetensors",
    ]  # fmt: skip
    opened = CrossEncoded.open(out, wines, tmp_path, lambda _: None)
    for lesson in taught[:3]:
        assert opened.encoder.judge(lesson.reading) == pytest.approx(again.judge(lesson.reading), abs=0.1)
    assert opened.name.startswith("cross-encoder@") and opened.encoder.trust == pytest.approx(again.trust)


def test_wrong_candidates_are_drawn_beside_the_right_ones_and_the_same_for_a_turn() -> None:
    config = CrossEncoderConfig(negatives=5)
    found = drawn(range(40), [7, 30], config, "turn")
    assert found[:2] == [7, 30] and len(found) == 7 and not {7, 30} & set(found[2:])
    assert found == drawn(range(40), [7, 30], config, "turn") != drawn(range(40), [7, 30], config, "other")


def test_what_the_learned_order_has_far_below_teaches_nothing(encoder: CrossEncoder, wines: Catalog) -> None:
    scores = np.linspace(1, 0, len(wines), dtype=np.float32)
    scores[2] = -np.inf
    asked = [Logged(Query(message="dry", said="dry"), ("x",), f"c{place}") for place in range(3)]
    held = [Held(one, (place,), scores) for place, one in enumerate(asked)]
    found = lessons_of(held, encoder, CrossEncoderConfig(negatives=3), wines)
    assert [one.conversation for one in found] == ["c0", "c1"]
    assert all(len(one.scores) == len(one.reading.options) == 4 and one.right == 1 for one in found)


def test_a_folder_without_a_cross_encoder_is_refused_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="python -m finetune ranker --out"):
        CrossEncoder.open(tmp_path, tmp_path)


# With the learned order


def plants_and_logs() -> tuple[Catalog, list[Logged]]:
    """Make plants that grow in one of two places, and people who only ever say where; the search does not know it."""
    columns = (
        Column(name="id", role="id"),
        Column(name="title", role="title"),
        Column(name="text", role="text"),
        Column(name="family", role="facet"),
    )
    items = [
        Item(f"p{place}", f"Plant {place}", "green", {"family": ("sun" if place % 2 else "shade",)})
        for place in range(24)
    ]
    logged = [
        Logged(
            Query(message=f"for the {where}", said=f"hello for the {where}", limit=24),
            (f"p{place}",),
            f"c{place}",
            BeliefState(preferences=(Preference(attribute="family", value=where),)),
        )
        for place in range(24)
        for where in ["sun" if place % 2 else "shade"]
    ]
    return Catalog(CatalogSchema(columns=columns), items), logged


Gains = dict[str, list[tuple[float, float]]]
BETTER: Gains = {f"c{number}": [(0.1, 0.2), (0.2, 0.25 + number / 100)] for number in range(12)}
EVEN: Gains = {f"c{number}": [(0.1, 0.1 + (number % 2 - 0.5) / 9)] for number in range(12)}


@pytest.mark.parametrize(("gains", "serves"), [(BETTER, True), (EVEN, False)])
def test_a_cross_encoder_serves_only_where_it_was_better_on_conversations_it_had_not_heard(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gains: Gains, serves: bool
) -> None:
    catalog, logged = plants_and_logs()
    retriever = Retriever(build(catalog, tmp_path / "home", HashingEncoder()), HashingEncoder())
    quick, said = Config(folds=3, towers=1, epochs=1, trees=5), list[str]()
    asked: list[set[str]] = []
    monkeypatch.setattr(
        "finetune.ranker.making.reranked",
        lambda held, *_: (asked.append({one.logged.conversation for one in held}), gains)[1],
    )
    out = tmp_path / "ranker"
    record = make(retriever, logged, [], quick, str(model), 5, tmp_path, out, said.append)
    assert asked == [{one.conversation for one in logged if fold_of(one.conversation, 3) == 0}]
    assert record["cross_encoder"]["served"] is serves and (cross_encoder_folder(out) is not None) is serves
    assert any(("the cross-encoder serves" if serves else "is not kept") in line for line in said)
    written = json.loads((out / "ranker.json").read_text("utf-8"))
    assert {name: written[name] for name in record} == json.loads(json.dumps(record))
    assert record["student"]["turns"] == 24 and record["student"]["milliseconds"]["student"] >= 0
    if serves:
        opened = CrossEncoded.open(out / CROSS_ENCODER, catalog, tmp_path, said.append)
        assert len(opened.score("sun", BeliefState(), [Candidate("p1", 1.0), Candidate("p2", 0.5)], "").own) == 2
    fast = LearnedRanker.open(out, retriever.index, retriever.encoder, student=True)
    assert len(Retriever(retriever.index, retriever.encoder, learned=fast).search(logged[0].query)) == 24


def test_nothing_measured_is_nothing_gained() -> None:
    assert figures({}, 0) == {"learned order": 0.0, "reranked": 0.0, "low": 0.0, "high": 0.0, "n": 0}


def test_what_a_reranker_is_worth_is_the_gain_of_each_item_recommended(wines: Catalog) -> None:
    ids = [item.id for item in wines]
    scores = np.linspace(1, 0, len(ids), dtype=np.float32)

    class Backwards:
        name = "backwards"

        def score(self, text: str, belief: BeliefState, candidates: Sequence[Candidate], said: str) -> Scored:
            own = tuple(range(len(candidates)))
            return Scored(np.array(own, float), own)

    held = [Held(Logged(Query(message="dry", said="dry"), ("x",), "c"), (0, 3, 9), scores)]
    found = reranked(held, Backwards(), wines, 4, lambda *_: None)
    assert found == {"c": [(1.0, pytest.approx(1 / np.log2(5))), (pytest.approx(1 / np.log2(5)), 1.0), (0.0, 0.0)]}
    assert figures(found, 0)["n"] == 3


def test_a_ranker_without_a_student_is_refused_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no student; teach one with `python -m finetune ranker"):
        open_student(tmp_path)


def test_each_fold_is_reranked_by_a_cross_encoder_that_has_not_heard_it(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, logged = plants_and_logs()
    scores = np.linspace(1, 0, 24, dtype=np.float32)
    held = [Held(one, (place,), scores) for place, one in enumerate(logged)]
    taught: list[set[str]] = []
    monkeypatch.setattr(
        "finetune.ranker.cross_encoder.train",
        lambda lessons, *_: taught.append({lesson.conversation for lesson in lessons}),
    )
    listeners(held, catalog, Config(), 3, str(model), tmp_path, lambda _: None, lambda *_: None)
    assert [fold_of(one.conversation, 3) for one in logged if one.conversation not in taught[1]].count(1) == sum(
        fold_of(one.conversation, 3) == 1 for one in logged
    )
    assert all(fold_of(name, 3) != fold for fold, names in enumerate(taught) for name in names)
