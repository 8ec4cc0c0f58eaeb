from __future__ import annotations

import pytest

from agent.belief import BeliefState, BeliefUpdate, Limit, Preference
from agent.linking import Linked, Linker
from agent.llm import ScriptedLanguageModel
from agent.understanding import MOST_LINES, RARE, Understanding, lines_of, wish_lines
from retrieval.catalog import Catalog


class Untuned(ScriptedLanguageModel):
    adapter_id = "none"


@pytest.fixture(scope="module")
def linker(demo_catalog: Catalog) -> Linker:
    return Linker(demo_catalog)


def understand(
    linker: Linker, text: str, *lines: str, llm: type[ScriptedLanguageModel] = ScriptedLanguageModel
) -> BeliefUpdate:
    return Understanding(linker, llm(lines), linker.catalog).understand(text, BeliefState())


def test_words_that_no_linker_explains_become_wishes_by_the_model(linker: Linker) -> None:
    update = understand(linker, "monday. boss. spreadsheets. i need something", "want moods funny")
    [wish] = [entry for entry in update.prefer if entry.attribute == "moods"]
    assert (wish.value, wish.weight) == ("funny", 1.0)
    assert "spreadsheets" in wish.words


def test_the_model_adds_wishes_never_limits_or_verdicts(linker: Linker) -> None:
    text = "spreadsheets all day, nothing with horror"
    plain = understand(linker, text)
    more = understand(linker, text, "want moods funny", "avoid genres War")
    assert more.set == plain.set
    assert more.items == plain.items
    assert {entry.weight for entry in more.prefer} >= {1.0, -1.0}


def test_the_model_does_not_repeat_or_contradict_what_a_linker_found(linker: Linker) -> None:
    text = "a thriller about spreadsheets, no horror"
    update = understand(linker, text, "avoid genres Thriller", "want genres Horror")
    values = [(entry.attribute, entry.value) for entry in (*update.set, *update.prefer)]
    assert values.count(("genres", "Thriller")) == 1
    assert values.count(("genres", "Horror")) == 1


def test_a_message_that_nothing_explains_is_a_wish_in_its_own_words_where_the_catalog_knows_them(
    linker: Linker,
) -> None:
    [wish] = understand(linker, "got anything weatherman related").prefer
    assert (wish.attribute, wish.weight) == ("text", 1.0)
    assert "weatherman" in str(wish.value)
    assert understand(linker, "idk").prefer == ()


def test_a_model_without_an_adapter_is_not_asked(linker: Linker) -> None:
    text = "monday. boss. spreadsheets. i need something"
    assert understand(linker, text, "want moods funny", llm=Untuned) == understand(linker, text)


def test_the_lines_on_offer_are_the_catalogs_values_without_names_and_rarities(demo_catalog: Catalog) -> None:
    lines = wish_lines(demo_catalog)
    assert lines["want moods cozy"] == ("moods", "cozy", 1.0)
    assert lines["avoid genres Horror"] == ("genres", "Horror", -1.0)
    people = {column.name for column in demo_catalog.schema.columns if column.people}
    assert people
    assert not people & {attribute for attribute, _, _ in lines.values()}
    assert all(demo_catalog.vocabulary[attribute][value] >= RARE for attribute, value, _ in lines.values())


def test_training_teaches_the_lines_that_the_linkers_missed(demo_catalog: Catalog) -> None:
    linked = BeliefUpdate(prefer=(Preference(attribute="moods", value="cozy"),))
    limits = (Limit(attribute="genres", op="is_not", value="horror"), Limit(attribute="year", op="is", value=1990))
    gold = BeliefUpdate(
        prefer=(*linked.prefer, Preference(attribute="moods", value="funny"), Preference(attribute="text", value="x")),
        set=limits,
    )
    assert lines_of(gold, linked, demo_catalog) == ["want moods funny", "avoid genres Horror"]
    assert len(lines_of(gold, BeliefUpdate(), demo_catalog)) <= MOST_LINES
    assert Linked(linked).residue == ()
