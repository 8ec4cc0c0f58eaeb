from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import Recommender, Settings
from agent.log import ConversationLog
from finetune.examples import Example, alignment_examples, dialogue_examples, held_out, read_dialogues
from finetune.export import dialogues_of, write_dialogues
from retrieval.catalog import UserError
from retrieval.encoder import HashingEncoder
from retrieval.index import build
from retrieval.reading import demo_catalog as read_demo
from retrieval.search import Retriever


@pytest.fixture(scope="module")
def retriever(tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    encoder = HashingEncoder()
    return Retriever(build(read_demo(), tmp_path_factory.mktemp("home"), encoder), encoder)


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
def rec(tmp_path: Path) -> Iterator[Recommender]:
    rec = Recommender.open(Settings(home=tmp_path, encoder="hashing", model="scripted"))
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
    liked = [example.options[0] for example in learned if example.task == "rank"]
    assert first.items[1].id in liked
    log.close()
