"""What is learned from reactions, how much each counts, and what is kept back for measuring."""

from __future__ import annotations

import numpy as np
import pytest
from test_ranker import QUICK, SIZE, mate, plants

from agent.belief import BeliefState, ItemVerdict
from agent.reactions import Exposure, Reacted
from agent.versions import digest
from finetune.learning import LearningConfig, held_out, learn, logged_of, measure, unheard
from retrieval.catalog import UserError
from retrieval.encoder import HashingEncoder
from retrieval.index import build
from retrieval.search import Retriever

CATALOG = plants()
CONFIG = LearningConfig(labelled=False)


@pytest.fixture(scope="module")
def retriever(tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    return Retriever(build(CATALOG, tmp_path_factory.mktemp("plants"), HashingEncoder()), HashingEncoder())


def turn(
    conversation: str, number: int, *shown: Exposure, person: str = "", belief: BeliefState | None = None
) -> Reacted:
    return Reacted(
        conversation, person, number, number, "", f"turn {number}", "", BeliefState(),
        belief or BeliefState(turn=number), "recommend", shown, (), 0.3, "shipped", "none", "scripted", "", "",
    )  # fmt: skip


def card(place: int, verdict: str | None = None, chance: float = 1.0) -> Exposure:
    return Exposure(f"p{place}", 1, chance, verdict)  # type: ignore[arg-type]


def test_what_is_taken_at_last_is_right_from_the_first_turn_on() -> None:
    first_list, second_list = (card(1), card(2, "rejected")), (card(3, "accepted"), card(4))
    turns = [turn("c", 1, *first_list), turn("c", 2, *second_list), turn("c", 3, card(5))]
    first, second = logged_of(turns, CATALOG, CONFIG)
    assert first.gold == second.gold == ("p3",)
    assert first.wrong == ("p1", "p2") and second.wrong == ("p4",)
    assert not first.query.exclude and second.query.exclude == {"p1", "p2"}


def test_a_conversation_in_which_nothing_was_taken_teaches_nothing() -> None:
    assert logged_of([turn("c", 1, card(1, "seen"), card(2, "disliked"))], CATALOG, CONFIG) == []


def test_what_chance_showed_counts_by_its_probability_up_to_the_clip() -> None:
    turns = [turn("a", 1, card(1, "liked", 0.5)), turn("b", 1, card(2, "liked", 0.01)), turn("c", 1, card(3, "liked"))]
    half, rare, certain = (one.weight for one in logged_of(turns, CATALOG, CONFIG))
    assert half == pytest.approx(2 * certain) and rare == pytest.approx(CONFIG.clip * certain)
    assert np.mean([half, rare, certain]) == pytest.approx(CONFIG.trust)
    off = [one.weight for one in logged_of(turns, CATALOG, LearningConfig(clip=1))]
    assert off == pytest.approx([CONFIG.trust] * 3)


def test_nobody_counts_more_than_the_cap_in_however_many_conversations() -> None:
    loud = [turn(f"loud{n}", 1, card(1, "liked"), person="bot") for n in range(100)]
    quiet = [turn(f"quiet{n}", 1, card(2, "liked")) for n in range(5)]
    found = logged_of([*loud, *quiet], CATALOG, CONFIG)
    weights = {who: sum(one.weight for one in found if one.conversation.startswith(who)) for who in ("loud", "quiet")}
    assert weights["loud"] == pytest.approx(CONFIG.cap * CONFIG.trust)
    assert weights["quiet"] == pytest.approx(5 * CONFIG.trust)


def test_the_same_conversations_are_held_out_in_every_run() -> None:
    names = [f"c{number}" for number in range(1000)]
    kept = [name for name in names if held_out(name, 0.2)]
    assert 150 < len(kept) < 250 and kept == [name for name in names if held_out(name, 0.2)]
    assert set(kept) > {name for name in names if held_out(name, 0.1)}
    assert not any(held_out(name, 0.0) for name in names)


def likes(count: int) -> list[Reacted]:
    """Hold conversations in which somebody likes a plant, and takes the one that goes with it."""
    found = []
    for number in range(count):
        place = number % SIZE
        named = ItemVerdict(ref="x", verdict="like_this", item_id=f"p{place}", title="x", turn=1)
        belief = BeliefState(items=(named,), turn=1)
        found.append(turn(f"c{number}", 1, card((place + 1) % SIZE), card(mate(place), "accepted", 0.5), belief=belief))
    return found


def test_what_people_took_is_ranked_higher_for_others_and_the_record_says_what_it_came_from(
    retriever: Retriever, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("finetune.learning.FITTED", QUICK)
    reacted = likes(200)
    ranker, record = learn(retriever, reacted, [], CONFIG, lambda _: None)
    kept = unheard(reacted, CATALOG, CONFIG)
    assert {one.conversation for one in kept} == {f"c{n}" for n in range(200) if held_out(f"c{n}", CONFIG.held_out)}
    means = measure(retriever, kept, {"search": None, "learned": ranker}).means()
    assert means["learned"] is not None and means["search"] is not None and means["learned"] > means["search"] + 0.1
    assert not set(record["conversations"]) & {digest(one.conversation) for one in kept}
    _, other = learn(retriever, reacted[:150], [], CONFIG, lambda _: None)
    assert record["data"] != other["data"]


def test_without_anything_taken_nothing_is_learned(retriever: Retriever) -> None:
    with pytest.raises(UserError, match="nobody has liked or accepted"):
        learn(retriever, [turn("c", 1, card(1))], [], CONFIG, lambda _: None)
