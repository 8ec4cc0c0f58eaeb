from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent import Recommender, Settings
from agent.log import ConversationLog
from finetune.examples import Example, alignment_examples, dialogue_examples, held_out, read_dialogues, weighed
from finetune.export import dialogues_of, write_dialogues
from retrieval.catalog import UserError
from retrieval.encoder import HashingEncoder
from retrieval.index import Index
from retrieval.search import Retriever


@pytest.fixture(scope="module")
def retriever(built_demo: Path) -> Retriever:
    return Retriever(Index.open(built_demo), HashingEncoder())


@pytest.fixture(scope="module")
def examples(retriever: Retriever) -> list[Example]:
    return list(dialogue_examples(read_dialogues()[:12], retriever, seed=0))


def test_a_ranking_example_offers_the_shown_item_among_others_that_the_search_found(
    examples: list[Example], retriever: Retriever
) -> None:
    ranking = [example for example in examples if example.task == "rank"]
    assert ranking
    for example in ranking:
        codes = [retriever.semantic_ids.text(item) for item in example.options]
        assert example.answer == codes[0]
        assert all(example.prompt.own.count(code) == 1 for code in codes)
        assert len(set(example.options)) == len(example.options) > 1


def test_the_right_option_does_not_stand_at_a_fixed_place(examples: list[Example]) -> None:
    ranking = [example for example in examples if example.task == "rank"]
    places = set()
    for example in ranking:
        lines = example.prompt.own.split("\n")
        places.update(place for place, line in enumerate(lines) if line.startswith(example.answer))
    assert len(places) > 3


def test_without_candidates_every_item_shown_is_an_answer_but_for_those_turned_down_next(retriever: Retriever) -> None:
    titles = ["The Sixth Sense (1999)", "Home Alone (1990)"]
    turns = [
        {"user": "hello there", "update": {"intent": "chat"}, "reply": "Hello."},
        {"user": "surprise me", "update": {"intent": "recommend"}, "shown": [{"title": title} for title in titles]},
        {"user": "not home alone", "update": {"intent": "feedback", "items": [{"ref": titles[1], "verdict": "seen"}]}},
    ]
    examples = list(dialogue_examples([{"id": "d", "turns": turns}], retriever, seed=0))
    [generation] = [example for example in examples if example.task == "generate"]
    [sixth] = [item.id for item in retriever.catalog if retriever.catalog.label(item) == titles[0]]
    assert generation.answer == retriever.semantic_ids.text(sixth)
    assert generation.answer not in generation.prompt.own
    assert "hello there" in generation.prompt.own and "surprise me" in generation.prompt.own
    assert [(e.prompt.own.count("hello there"), e.answer) for e in examples if e.task == "chat"] == [(1, "Hello.")]


def test_alignment_covers_every_item_both_ways(retriever: Retriever) -> None:
    tasks = [example.task for example in alignment_examples(retriever, seed=0)]
    assert tasks.count("title_to_id") == tasks.count("id_to_title") == len(retriever.catalog)
    assert tasks.count("history") > 0


def test_the_reason_learned_is_the_nearest_that_serving_can_write_to_what_the_person_wrote(
    retriever: Retriever,
) -> None:
    def learned(reason: str) -> list[str]:
        shown = [{"title": "The Sixth Sense (1999)", "reason": reason}]
        dialogue = {"id": "d", "turns": [{"user": "hi", "update": {"intent": "recommend"}, "shown": shown}]}
        return [example.answer for example in dialogue_examples([dialogue], retriever, 0) if example.task == "reason"]

    [cast], [themes] = learned("Bruce Willis, nothing else."), learned("Ghosts, and a philadelphia boy.")
    assert "starring Bruce Willis" in cast and "ghosts" not in cast
    assert "ghosts" in themes
    assert learned("Lovely.") == []


def test_the_same_seed_gives_the_same_examples(retriever: Retriever) -> None:
    dialogues = read_dialogues()[:2]
    once = list(dialogue_examples(dialogues, retriever, seed=3))
    assert once == list(dialogue_examples(dialogues, retriever, seed=3))


def test_the_held_out_share_depends_on_the_dialogue_alone() -> None:
    dialogues = read_dialogues()
    out = [dialogue["id"] for dialogue in dialogues if held_out(dialogue)]
    assert 0.04 < len(out) / len(dialogues) < 0.16
    assert out == [dialogue["id"] for dialogue in reversed(dialogues) if held_out(dialogue)][::-1]
    assert all(dialogue["split"] == "train" for dialogue in dialogues)


@pytest.mark.parametrize("line", ["{", "[]", '{"id": 1}', '{"turns": [{}]}'])
def test_a_bad_line_of_dialogues_is_named_with_file_and_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_text(f'{{"id": "a", "turns": []}}\n{line}\n')
    with pytest.raises(UserError, match=r"talk\.jsonl:2"):
        read_dialogues(path)
    with pytest.raises(UserError, match="no dialogues at"):
        read_dialogues(tmp_path / "absent.jsonl")


@pytest.fixture
def rec(demo_home: Path) -> Iterator[Recommender]:
    rec = Recommender.open(Settings(home=demo_home, encoder="hashing", model="scripted"))
    yield rec
    rec.close()


def test_what_the_chat_logged_becomes_dialogues_that_training_reads(
    rec: Recommender, retriever: Retriever, tmp_path: Path
) -> None:
    first = rec.reply("one", "a tense thriller from the 90s")
    rec.feedback("one", turn=1, item_id=first.items[1].id, verdict="liked")
    rec.reply("one", "actually no war")
    rec.reply("one", "nonsense that is taken back")
    rec.undo("one")
    log = ConversationLog(rec.settings.home / "log.sqlite")
    out = tmp_path / "talk.jsonl"
    assert write_dialogues(dialogues_of(log, rec.catalog), out) == (1, 3)
    [dialogue] = read_dialogues(out)
    assert [turn["user"] for turn in dialogue["turns"]] == ["a tense thriller from the 90s", "", "actually no war"]
    assert dialogue["turns"][1]["update"]["items"][0]["verdict"] == "liked"
    assert dialogue["turns"][0]["shown"][0]["title"] == first.items[0].title
    assert json.loads(out.read_text())["id"] == "one"
    learned = list(dialogue_examples([dialogue], retriever, seed=0))
    for task in ("rank", "generate"):
        assert [example.options[0] for example in learned if example.task == task] == [first.items[1].id]
    assert "who" not in dialogue and {one.person for one in learned if one.task == "rank"} == {"one"}
    log.close()


def drawn(*told: tuple[str, dict[str, str]], **more: str) -> dict[str, Any]:
    """Return a dialogue of our own log in which three films were drawn by chance; then somebody says something."""
    shown = [{"title": title, "propensity": chance} for title, chance in THREE.items()]
    first = {"user": "surprise me", "update": {"intent": "recommend"}, "shown": shown}
    then = [{"user": user, "update": {"intent": "feedback", "items": [verdict]}} for user, verdict in told]
    return {"id": "d", "turns": [first, *then], **more}


THREE = {"The Sixth Sense (1999)": 0.5, "Home Alone (1990)": 0.1, "Heat (1995)": 1.0}


def test_of_our_own_list_only_what_was_taken_teaches_and_counts_by_the_inverse_of_its_chance(
    retriever: Retriever,
) -> None:
    clicks = ("", {"ref": "Home Alone (1990)", "verdict": "liked"}), ("", {"ref": "#1", "verdict": "accepted"})
    heat = "Heat (1995)"
    later = ("and more?", {"ref": heat, "verdict": "liked"}), ("", {"ref": heat, "verdict": "disliked"})
    found = list(dialogue_examples([drawn(*clicks, *later)], retriever, seed=0, clip=4))
    title = {item.id: retriever.catalog.label(item) for item in retriever.catalog}
    for task in ("rank", "generate"):
        own = [(title[one.options[0]], one.weight) for one in found if one.task == task]
        assert own == [("The Sixth Sense (1999)", 2.0), ("Home Alone (1990)", 4.0)]
    assert not [one for one in dialogue_examples([drawn()], retriever, seed=0) if one.options]
    late = drawn(("is it long?", {"ref": heat, "verdict": "seen"}), ("", {"ref": heat, "verdict": "accepted"}))
    assert {title[one.options[0]] for one in dialogue_examples([late], retriever, seed=0) if one.options} == {heat}


def test_a_place_in_a_later_list_means_that_list(retriever: Retriever) -> None:
    older = ("older ones", {"ref": "Heat (1995)", "verdict": "seen"})
    dialogue = drawn(older, ("the first", {"ref": "#1", "verdict": "liked"}))
    dialogue["turns"][1]["shown"] = [{"title": "Alien (1979)", "propensity": 0.25}]
    found = list(dialogue_examples([dialogue], retriever, seed=0))
    title = {item.id: retriever.catalog.label(item) for item in retriever.catalog}
    assert {title[one.options[0]] for one in found if one.options} == {"Alien (1979)"}


@pytest.mark.parametrize("nothing", [{"propensity": None}, {}])
def test_a_card_without_a_probability_is_a_lesson(retriever: Retriever, nothing: dict[str, None]) -> None:
    turn = {"user": "hi", "update": {}, "shown": [{"title": "Heat (1995)", **nothing}]}
    found = list(dialogue_examples([{"id": "l", "who": "", "turns": [turn]}], retriever, seed=0))
    assert [one.task for one in found if one.options] == ["rank", "generate"] and {one.person for one in found} == {""}


def test_nobody_teaches_more_than_the_cap_and_labels_count_as_before(retriever: Retriever) -> None:
    liked = ("", {"ref": "Home Alone (1990)", "verdict": "liked"})
    many = [drawn(liked, who="ada") for _ in range(6)] + [drawn(liked, who="bo")]
    labelled = {"id": "l", "turns": [{"user": "hi", "update": {}, "shown": [{"title": "Heat (1995)"}]}]}
    found = weighed(dialogue_examples([*many, labelled], retriever, seed=0), cap=3)
    by = {name: sum(one.weight for one in found if one.person == name and one.options) for name in ("ada", "bo", "")}
    assert by == {"ada": pytest.approx(6), "bo": pytest.approx(2), "": 2}, "three to a task, of two tasks"
