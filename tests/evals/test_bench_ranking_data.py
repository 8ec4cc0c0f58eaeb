"""The public formats of the ranking benchmarks, read from small files in the same form."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.bench.contexts import RankingData
from evals.bench.inspired import read_inspired
from evals.bench.labelled import read_labelled
from evals.bench.redial import read_redial
from finetune.examples import packaged
from retrieval.catalog import UserError

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
DIALOGUE = {
    "conversationId": "7",
    "initiatorWorkerId": 1,
    "respondentWorkerId": 2,
    "movieMentions": {"11": "Red  Hill (2001)", "12": "Who%3F (2002)", "13": None},
    "messages": [
        {"senderWorkerId": 2, "text": "Hi, do you know @11 ?"},
        {"senderWorkerId": 1, "text": "yes, like @11 please, or @99"},
        {"senderWorkerId": 2, "text": "then @12 and @11 and @13"},
        {"senderWorkerId": 1, "text": "thanks"},
        {"senderWorkerId": 2, "text": "bye"},
    ],
}
TURN = {
    "dialog_id": "7", "turn_id": 3, "context": ["", "Hello", "something like Red Hill (2001)"],
    "entity": ["horror", "Red Hill (2001)", "Ann Lee"], "rec": ["Who? (2002)"], "resp": "Who? (2002)",
}  # fmt: skip


def lines(path: Path, *records: Any) -> Path:
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in records), "utf-8")
    return path


def test_what_the_respondent_of_a_raw_dialogue_mentions_is_gold(tmp_path: Path) -> None:
    (turn,) = read_redial(lines(tmp_path / "d.jsonl", DIALOGUE)).turns
    assert turn.name == "7:2"
    assert turn.gold == ("Who? (2002)", "Red  Hill (2001)")
    assert turn.mentioned == ("Red  Hill (2001)",)
    assert turn.messages == (
        {"role": "assistant", "content": "Hi, do you know Red  Hill (2001) ?"},
        {"role": "user", "content": "yes, like Red  Hill (2001) please, or @99"},
    )


def test_a_recommendation_turn_ends_with_the_person_who_asks_and_genres_are_not_titles(tmp_path: Path) -> None:
    (turn,) = read_redial(lines(tmp_path / "t.jsonl", TURN)).turns
    assert [message["role"] for message in turn.messages] == ["assistant", "user"]
    assert turn.mentioned == ("Red Hill (2001)", "Ann Lee")
    assert turn.text == "Hello something like Red Hill (2001)"


def test_malformed_lines_are_reported_where_they_stand_and_the_others_are_read(tmp_path: Path) -> None:
    bad = ("{", {"context": []}, {**TURN, "rec": [3]}, [])
    path = lines(tmp_path / "t.jsonl", *bad, TURN, {**DIALOGUE, "messages": 1})
    data = read_redial(path)
    assert len(data.turns) == 1
    told = [str(problem) for problem in data.problems]
    assert [one.removeprefix(str(path))[:3] for one in told] == [":1:", ":2:", ":3:", ":4:", ":6:"]
    assert told[1].endswith("has no `entity`") or "dialog_id" in told[1]
    assert told[2].endswith("`rec` holds something that is no text")
    assert told[4].endswith("`messages` is int, not list")


def test_a_file_without_a_usable_turn_or_with_one_twice_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no turn that recommends.*t\.jsonl:1: bad JSON"):
        read_redial(lines(tmp_path / "t.jsonl", "{"))
    with pytest.raises(UserError, match="7:3 is there twice"):
        read_redial(lines(tmp_path / "t.jsonl", TURN, TURN))


PAIRS = '''\
,full_situation,movies
0,"
System: Hi
User: I liked Red Hill.
System: ",['Blue Sea']
1,"
System: Hi
User: I liked Red Hill.
System: Try Blue Sea: it is good
User: Seen it. You?
System: ","['Red Hill', ""It""]"
2,"
System: ",['Green Day']
3,"
User: Blue sea again
System: ",none
4,"
User: Blue sea again
System: ",['Blue Sea']
'''


def test_pairs_that_go_on_from_each_other_are_one_dialogue(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(PAIRS, "utf-8")
    data = read_inspired(path)
    first, second, other = data.turns
    assert (first.dialogue, first.number, second.number) == (second.dialogue, 0, 1)
    assert other.dialogue != first.dialogue
    assert first.messages == (
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "I liked Red Hill."},
    )
    assert second.messages[2] == {"role": "assistant", "content": "Try Blue Sea: it is good"}
    assert [str(problem).rpartition("pairs.csv")[2] for problem in data.problems] == [
        ":14: `movies` is no list of titles: none"
    ]


def test_titles_that_stand_in_the_context_count_as_mentioned_and_short_ones_only_when_they_are_gold(
    tmp_path: Path,
) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(PAIRS, "utf-8")
    first, second, other = read_inspired(path).turns
    assert first.mentioned == ("Red Hill",)
    assert second.gold == ("Red Hill", "It")
    assert set(second.mentioned) == {"Red Hill", "Blue Sea", "It"}
    assert other.mentioned == ("Blue Sea",)


def test_annotated_dialogues_take_the_recommenders_titles_as_gold(tmp_path: Path) -> None:
    path = tmp_path / "d.tsv"
    rows = (
        ("a", "SEEKER", "I saw QUOTATION_MARKItQUOTATION_MARK", "It (2017)"),
        ("a", "RECOMMENDER", "Then these", "Us (2019); It (2017)"),
        ("b", "RECOMMENDER", "Us?", "Us (2019)"),
        ("b", "SOMEBODY", "?", ""),
        ("b", "SEEKER"),
    )
    path.write_text("\n".join("\t".join(row) for row in (("dialog_id", "speaker", "text", "movies"), *rows)), "utf-8")
    data = read_inspired(path)
    (turn,) = data.turns
    assert turn.name == "a:1"
    assert turn.messages == ({"role": "user", "content": 'I saw "It"'},)
    assert (turn.mentioned, turn.gold) == (("It (2017)",), ("Us (2019)", "It (2017)"))
    assert [problem.line for problem in data.problems] == [5, 6]


def test_another_header_is_a_user_error(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n", "utf-8")
    with pytest.raises(UserError, match="not a header of INSPIRED"):
        read_inspired(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_inspired(tmp_path / "absent.csv")


def test_a_labelled_reply_names_what_its_cards_showed(tmp_path: Path) -> None:
    turns = [
        {"user": "hi", "update": {"intent": "chat"}, "shown": [], "reply": "Hello."},
        {"user": "like Q", "update": {"items": [{"ref": "Q", "verdict": "like_this"}]}, "shown": [{"title": "A"}],
         "reply": "This:"},
        {"user": "more", "update": {}, "shown": [{"title": "B"}, {"title": "A"}], "reply": ""},
    ]  # fmt: skip
    path = lines(tmp_path / "d.jsonl", {"id": "x", "split": "dev", "turns": turns}, {"id": "y", "turns": [3]},
                 {"id": "z", "turns": [{"user": "", "update": {"items": 3}}]})  # fmt: skip
    data = read_labelled(path, "dev")
    first, second = data.turns
    assert (first.name, first.mentioned, first.gold) == ("x:1", ("Q",), ("A",))
    assert (second.mentioned, second.gold) == (("Q", "A"), ("B", "A"))
    assert [message["content"] for message in second.messages] == ["hi", "Hello.", "like Q", "This: 1. A", "more"]
    assert data.problems == ()
    told = [str(problem).rpartition("d.jsonl")[2] for problem in read_labelled(path).problems]
    assert told == [":2: has no `user`", ":3: `items` is int, not list"]
    with pytest.raises(UserError):
        read_labelled(path, "test")


def test_a_sample_is_drawn_by_the_seed_and_keeps_the_order(tmp_path: Path) -> None:
    data = read_redial(lines(tmp_path / "t.jsonl", *({**TURN, "turn_id": number} for number in range(30))))
    numbers = [turn.number for turn in data.sample(10, 1).turns]
    assert len(numbers) == 10
    assert numbers == sorted(numbers) == [turn.number for turn in data.sample(10, 1).turns]
    assert numbers != [turn.number for turn in data.sample(10, 2).turns]
    assert data.sample(30, 1) == data.sample(None, 1) == data


@pytest.mark.parametrize(
    ("read", "name", "turns", "gold"),
    [
        (read_redial, "redial/valid_turns.jsonl", 2716, 3595),
        (read_redial, "redial/valid_dialogues.jsonl", 2880, 3823),
        (read_inspired, "inspired/train_pairs.csv", 1441, 1633),
        (read_inspired, "inspired/dev_dialogues.tsv", 315, 324),
    ],
)
def test_the_public_files_are_read_whole(read: Callable[[Path], RankingData], name: str, turns: int, gold: int) -> None:
    if not (DATA / name).is_file():
        pytest.skip(f"{DATA / name} is absent")
    data = read(DATA / name)
    assert (len(data.turns), sum(len(turn.gold) for turn in data.turns), data.problems) == (turns, gold, ())


def test_the_packaged_dialogues_have_a_dev_split() -> None:
    assert len(read_labelled(packaged(), "dev").turns) > 300
