from __future__ import annotations

import pytest

from agent.belief import BeliefState, BeliefUpdate
from agent.linking import Linker
from agent.linking.judges import Judges
from agent.linking.judging import Judgement, LinearJudge
from agent.linking.options import Scene
from agent.understanding import LEAST, Understanding
from retrieval.catalog import Catalog


@pytest.fixture(scope="module")
def understanding(demo_catalog: Catalog) -> Understanding:
    return Understanding(Linker(demo_catalog))


def understand(understanding: Understanding, text: str) -> BeliefUpdate:
    return understanding.understand(text, BeliefState())


def test_a_message_that_nothing_explains_is_a_wish_in_its_own_words_where_the_catalog_knows_them(
    understanding: Understanding,
) -> None:
    [wish] = understand(understanding, "got anything weatherman related").prefer
    assert (wish.attribute, wish.weight) == ("text", 1.0)
    assert "weatherman" in str(wish.value)
    assert "weatherman" in wish.words


def test_words_that_no_item_has_are_no_wish(understanding: Understanding) -> None:
    assert understand(understanding, "got anything qwxzv related").prefer == ()
    assert understand(understanding, "idk").prefer == ()


def test_words_beside_something_understood_are_left(understanding: Understanding) -> None:
    update = understand(understanding, "a western about weathermen")
    assert [entry.value for entry in update.set] == ["Western"]
    assert all(entry.attribute != "text" for entry in update.prefer)


class Unsure(LinearJudge):
    """Takes nothing, and gives free words a fixed probability of being a wish."""

    def __init__(self, catalog: Catalog, chance: float) -> None:
        """Judge by `chance` alone."""
        super().__init__(Judges.load(), catalog)
        self.chance = chance

    def judge(self, scene: Scene) -> Judgement:
        """Return nothing said of anything."""
        chances = tuple({"wish": self.chance} if option.kind == "words" else {} for option in scene.options)
        return Judgement(tuple(() for _ in scene.options), chances, {"recommend": 1.0})


@pytest.mark.parametrize(("chance", "wished"), [(LEAST / 2, False), (LEAST * 2, True)])
def test_words_that_the_judge_rules_out_are_no_wish(demo_catalog: Catalog, chance: float, wished: bool) -> None:
    understanding = Understanding(Linker(demo_catalog, Unsure(demo_catalog, chance)))
    assert bool(understand(understanding, "got anything weatherman related").prefer) == wished
