"""Other people's conversations come in as dialogues, whatever they are written in; what cannot be read is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cellar import open_cellar, stock, turn, written
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from agent import Recommender
from agent.log import ConversationLog
from agent.redaction import redact
from finetune.__main__ import app
from finetune.examples import read_dialogues
from finetune.export import messages_of, sharegpt_of
from finetune.formats.findings import check
from finetune.formats.importing import Imported, imported
from finetune.formats.sources import READERS, Source, talks
from finetune.formats.talks import Said, Talk
from finetune.ranker.logs import logged_turns
from retrieval.catalog import Catalog, UserError
from retrieval.rows import Problem, clean


@pytest.fixture(scope="module")
def rec(wines: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recommender]:
    rec = open_cellar(stock(tmp_path_factory.mktemp("home"), wines))
    yield rec
    rec.close()


def file_of(tmp_path: Path, *records: object, name: str = "talk.jsonl") -> Path:
    path = tmp_path / name
    path.write_text("".join(one if isinstance(one, str) else json.dumps(one) + "\n" for one in records), "utf-8")
    return path


def came_in(path: Path, rec: Recommender, source: Source = "auto") -> list[Imported]:
    """Import a file of which every conversation can be read."""
    found = []
    for one in talks(path, source):
        assert not isinstance(one, Problem), one
        made = imported(one[1], rec)
        assert made is not None
        found.append(made)
    return found


def titles(turn: dict[str, Any]) -> list[str]:
    return [card["title"] for card in turn["shown"]]


CHAT = [
    {"role": "system", "content": "You sell wine."},
    {"role": "user", "content": "a Riesling under 20 euros, please"},
    {"role": "user", "content": [{"type": "text", "text": "and organic"}, {"type": "image_url", "image_url": "x"}]},
    {"role": "assistant", "content": "Two:\n\n1. **Stone Terrace (2019)** - steep slopes\n2. River Bend: light"},
    {"role": "tool", "content": "42"},
    {"role": "user", "content": "I love Stone Terrace (2019)!"},
    {"role": "assistant", "content": "Stone Terrace (2019) is fine, but have you tried Slate Garden (2015)?"},
]


@pytest.mark.parametrize(
    "record",
    [
        {"id": "m", "messages": CHAT},
        {"messages": CHAT},
        {"id": "m", "conversations": [
            {"from": {"user": "human", "assistant": "gpt"}.get(one["role"], one["role"]), "value": one["content"]}
            for one in CHAT
        ]},
        {"id": "m", "title": "Wine", "chat": {"messages": CHAT}},
    ],
)  # fmt: skip
def test_a_chat_becomes_a_dialogue_with_updates_and_what_was_shown(
    rec: Recommender, tmp_path: Path, record: dict[str, Any]
) -> None:
    [one] = came_in(file_of(tmp_path, record), rec)
    assert one.dialogue["id"] == record.get("id", "talk-1") and one.dialogue["split"] == "train"
    first, second = one.dialogue["turns"]
    assert first["user"] == "a Riesling under 20 euros, please and organic"
    assert {"attribute": "price", "op": "at_most", "value": 20.0} in first["update"]["set"]
    assert first["shown"] == [
        {"title": "Stone Terrace (2019)", "reason": "steep slopes"}, {"title": "River Bend (2021)", "reason": "light"},
    ]  # fmt: skip
    assert first["reply"] == "Two:"
    assert [item["ref"] for item in second["update"]["items"]] == ["Stone Terrace (2019)"]
    assert titles(second) == ["Slate Garden (2015)"] and one.repeated == 1
    assert one.dialogue["turns"][1]["reply"].startswith("Stone Terrace (2019) is fine")


def test_titles_that_the_catalog_lacks_are_counted_and_not_shown(rec: Recommender, tmp_path: Path) -> None:
    told = "- Red Hill (2018): soft\n- Blue Lagoon (1999): sweet\n- something else\nHave you seen Grand Old Domain?"
    chat = [{"role": "user", "content": "a red"}, {"role": "assistant", "content": told}]
    [one] = came_in(file_of(tmp_path, {"messages": chat}), rec)
    assert titles(one.dialogue["turns"][0]) == ["Red Hill (2018)"] and one.shown == 1
    assert one.missing == {"Blue Lagoon (1999)": 1, "Grand Old Domain": 1}
    assert "Blue Lagoon" in one.dialogue["turns"][0]["reply"]


def test_a_word_of_the_catalog_that_opens_a_line_is_no_title(rec: Recommender, tmp_path: Path) -> None:
    told = "- Riesling: crisp\n- Mosel\n1) Old Cellar (2009), from Burgundy"
    chat = [{"role": "user", "content": "what is there?"}, {"role": "assistant", "content": told}]
    [one] = came_in(file_of(tmp_path, {"messages": chat}), rec)
    [only] = one.dialogue["turns"][0]["shown"]
    assert only == {"title": "Old Cellar (2010)", "reason": "from Burgundy"}  # a year apart: the same


def test_what_the_assistant_says_first_is_kept_beside_the_turns(rec: Recommender, tmp_path: Path) -> None:
    chat = [
        {"role": "assistant", "content": "Welcome! Do you know Red Hill (2018)?"},
        {"role": "user", "content": "yes, I had it before"},
    ]
    [one] = came_in(file_of(tmp_path, {"messages": chat}), rec)
    assert one.dialogue["opening"] == "Welcome! Do you know Red Hill (2018)?"
    assert len(one.dialogue["turns"]) == 1 and one.shown == 0 and not one.missing
    assert [item["ref"] for item in one.dialogue["turns"][0]["update"]["items"]] == ["Red Hill (2018)"]


def test_private_data_and_what_does_not_print_are_left_out(rec: Recommender, tmp_path: Path) -> None:
    chat = [
        {"role": "user", "content": "mail\u2028 ada@example.org\x07 \ud800\na red"},
        {"role": "assistant", "content": "<think>She is ada@example.org</think>I wrote to ada@example.org."},
    ]
    [one] = came_in(file_of(tmp_path, {"messages": chat}), rec)
    assert one.dialogue["turns"][0]["user"] == "mail [email] a red"
    assert one.dialogue["turns"][0]["reply"] == "I wrote to [email]."


# Open WebUI


def rated(rating: int, comment: str = "") -> dict[str, Any]:
    answer = "Try Red Hill (2018) or Old Cellar (2010)."
    return {
        "id": "w",
        "chat": {
            "messages": [
                {"id": "1", "parentId": None, "role": "user", "content": "a red"},
                {"id": "2", "parentId": "1", "role": "assistant", "content": answer,
                 "annotation": {"rating": rating, "reason": "other", "comment": comment}},
                {"id": "3", "parentId": "2", "role": "user", "content": "thanks"},
            ]
        },
    }  # fmt: skip


def test_a_rating_stays_with_its_turn(rec: Recommender, tmp_path: Path) -> None:
    for rating, thumb in ((1, "up"), (-1, "down"), (0, None), ("x", None)):
        [one] = came_in(file_of(tmp_path, rated(rating, "well said")), rec)
        assert [turn.get("thumb") for turn in one.dialogue["turns"]] == [thumb, None]


def test_a_rating_whose_words_speak_of_an_item_is_a_turn(rec: Recommender, tmp_path: Path) -> None:
    [one] = came_in(file_of(tmp_path, rated(-1, "Old Cellar (2010), tell me@example.org why")), rec)
    first, reaction, last = one.dialogue["turns"]
    assert reaction["user"] == "Old Cellar (2010), tell [email] why" and "thumb" not in first
    assert reaction["update"] == {"intent": "feedback", "items": [{"ref": "Old Cellar (2010)", "verdict": "disliked"}]}
    assert last["user"] == "thanks"


def test_without_a_list_of_messages_the_branch_that_was_seen_last_is_followed(rec: Recommender, tmp_path: Path) -> None:
    history = {
        "messages": {
            "1": {"id": "1", "parentId": None, "role": "user", "content": "a red"},
            "2": {"id": "2", "parentId": "1", "role": "assistant", "content": "Red Hill (2018)."},
            "3": {"id": "3", "parentId": "1", "role": "assistant", "content": "Old Cellar (2010)."},
            "4": {"id": "4", "parentId": "3", "role": "user", "content": "fine"},
        },
        "currentId": "4",
    }
    chats = [{"id": "w", "chat": {"messages": [], "history": history}}]
    [one] = came_in(file_of(tmp_path, json.dumps(chats, indent=1), name="export.json"), rec)
    assert [turn["user"] for turn in one.dialogue["turns"]] == ["a red", "fine"]
    assert titles(one.dialogue["turns"][0]) == ["Old Cellar (2010)"]
    history["messages"]["1"]["parentId"] = "4"  # a circle
    assert came_in(file_of(tmp_path, chats[0]), rec)[0].turns == 2


# Research corpora


REDIAL: dict[str, Any] = {
    "conversationId": "7", "respondentWorkerId": 1, "initiatorWorkerId": 2,
    "movieMentions": {"10": "Red Hill  (2018)", "11": "Black%20Oak (2017)", "12": "Blue Lagoon (1999)", "13": None},
    "messages": [
        {"senderWorkerId": 1, "text": "Hello!"},
        {"senderWorkerId": 2, "text": "I like @11"},
        {"senderWorkerId": 1, "text": "@11 is nice. What of @10, @12 or @99?"},
    ],
    "initiatorQuestions": {
        "10": {"suggested": 1, "seen": 2, "liked": 1}, "11": {"suggested": 0, "seen": 1, "liked": 2},
        "12": {"suggested": 1, "seen": 1, "liked": 1},
    },
    "respondentQuestions": {
        "10": {"suggested": 1, "seen": 0, "liked": 0}, "11": {"suggested": 0, "seen": 1, "liked": 0},
    },
}  # fmt: skip


def test_redial_shows_what_the_respondent_mentions_and_ends_with_the_answers(rec: Recommender, tmp_path: Path) -> None:
    [one] = came_in(file_of(tmp_path, REDIAL), rec)
    asked, answered = one.dialogue["turns"]
    assert one.dialogue["id"] == "redial-7" and one.dialogue["opening"] == "Hello!"
    assert asked["user"] == "I like Black Oak (2017)" and titles(asked) == ["Red Hill (2018)"]
    assert asked["reply"] == "Black Oak (2017) is nice. What of Red Hill (2018), Blue Lagoon (1999) or @99?"
    assert (one.missing, one.repeated) == ({"Blue Lagoon (1999)": 1}, 1)
    assert answered == {
        "user": "", "shown": [], "reply": "",
        "update": {
            "intent": "feedback",
            "items": [  # who asks knows best; what they did not say is as the respondent understood it
                {"ref": "Red Hill (2018)", "verdict": "liked"}, {"ref": "Black Oak (2017)", "verdict": "seen"},
                {"ref": "Black Oak (2017)", "verdict": "disliked"},
            ],
        },
    }  # fmt: skip


def test_redial_writes_empty_tables_as_lists(rec: Recommender, tmp_path: Path) -> None:
    empty: dict[str, Any] = {"movieMentions": [], "initiatorQuestions": [], "respondentQuestions": []}
    [one] = came_in(file_of(tmp_path, {**REDIAL, **empty}), rec)
    assert one.turns == 1 and one.shown == 0


INSPIRED = (
    "dialog_id\tutt_id\tspeaker\ttext\tmovies\n"
    "a\t1\tRECOMMENDER\tHello\t\n"
    "a\t2\tSEEKER\tA QUOTATION_MARKsoftQUOTATION_MARK red\t\n"
    "a\t3\tRECOMMENDER\tTry the hill.\tRed Hill (2018);  Blue Lagoon (1999)\n"
    "b\t1\tSEEKER\tHi\t\n"
)


def test_inspired_shows_what_stands_in_the_column(rec: Recommender, tmp_path: Path) -> None:
    path = file_of(tmp_path, INSPIRED, "b\t2\n", "b\t2\tNOBODY\tHi\t\n", "b\t3\tRECOMMENDER\tBye\t\n", name="dev.tsv")
    found = list(talks(path))
    assert [str(one) for one in found if isinstance(one, Problem)] == [
        f"{path}:6: has 2 fields where the header has 5: separate them by tabs",
        f"{path}:7: speaker: is 'NOBODY': write SEEKER or RECOMMENDER",
    ]
    first, second = [imported(one[1], rec) for one in found if not isinstance(one, Problem)]
    assert first is not None and second is not None
    assert [turn["user"] for turn in first.dialogue["turns"]] == ['A "soft" red']
    assert titles(first.dialogue["turns"][0]) == ["Red Hill (2018)"] and first.missing == {"Blue Lagoon (1999)": 1}
    assert second.dialogue["turns"][0]["reply"] == "Bye"


# What is wrong


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (["{\n"], ":1: bad JSON"),
        (["[1, 2\n"], ":1: is no conversation but 1: each is an object"),
        (['[{"messages": []},\n\n {"a": 1},'], ":3: has no known format: say which by --format"),
        ([{"turns": []}], ":1: is a dialogue of our own already"),
        ([{"messages": 3}], ":1: messages: is 3, not a list: write a list, [] for nothing"),
        ([{"messages": [{"content": "x"}]}], ":1: messages[0].role: is missing: add it"),
        ([{"messages": [{"role": "user", "content": 3}, {}]}], ":1: messages[0].content: is 3, not text: "
         "write text, or a list of parts with text (and 1 more)"),
        ([{"conversations": [{"from": "gpt"}]}, {"conversations": "x"}], ":2: conversations: is 'x', not a list"),
        ([{"chat": []}], ":1: chat: is a list, not an object"),
        ([{**REDIAL, "messages": None}], ":1: messages: is null, not a list"),
        ([{**REDIAL, "initiatorQuestions": {"1": {"liked": 7}}}], ":1: initiatorQuestions.1.liked: is 7: write 0, 1"),
        ([{"id": "a", "messages": []}, {"id": "a", "messages": []}], ":2: id: 'a' stands in line 1 too: keep one"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_read_is_named_with_its_reason(
    tmp_path: Path, records: list[object], expected: str
) -> None:
    path = file_of(tmp_path, *records)
    problems = [str(one) for one in talks(path) if isinstance(one, Problem)]
    assert any(one.startswith(f"{path}{expected}") for one in problems), problems


def test_bytes_that_are_no_text_cost_their_line_only(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_bytes(b'{"messages": [{"role": "user", "content": "\xff"}]}\n{"messages": []}\n')
    found = list(talks(path))
    assert str(found[0]) == f"{path}:1: bad encoding: write UTF-8" and not isinstance(found[1], Problem)


def test_a_file_in_the_wrong_format_is_said_in_one_line(tmp_path: Path) -> None:
    pairs = file_of(tmp_path, "full_situation,movies\n" * 3, name="pairs.csv")
    odd = file_of(tmp_path, "x\n")
    for path, source in ((tmp_path / "absent", "auto"), (tmp_path, "auto"), (odd, "inspired"), (pairs, "auto")):
        with pytest.raises(UserError) as error:
            list(talks(path, source))  # type: ignore[arg-type]
        assert str(path) in str(error.value) and "\n" not in str(error.value)


KEYS = st.sampled_from(
    "id messages role content conversations from value chat history currentId parentId annotation rating comment text "
    "conversationId respondentWorkerId movieMentions senderWorkerId initiatorQuestions liked seen 1 a".split()
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
LEAVES |= st.sampled_from(["user", "assistant", "human", "gpt", "1", "a", "@1"])
JSON = st.recursive(
    LEAVES, lambda parts: st.lists(parts, max_size=3) | st.dictionaries(KEYS, parts, max_size=5), max_leaves=20
)
TABLE = st.lists(st.lists(st.text(max_size=4) | st.just("SEEKER"), max_size=6).map("\t".join), max_size=4)
CONTENT = st.one_of(
    JSON.map(json.dumps), st.lists(JSON.map(json.dumps)).map("\n".join), st.text(), st.text().map("[".__add__),
    TABLE.map(lambda rows: "\n".join(["dialog_id\tspeaker\ttext\tmovies", *rows])),
)  # fmt: skip


@pytest.mark.parametrize("source", ["auto", "inspired", *READERS])
@settings(max_examples=60, deadline=None)
@given(content=CONTENT)
def test_no_content_makes_a_reader_fail(tmp_path_factory: pytest.TempPathFactory, source: Source, content: str) -> None:
    path = tmp_path_factory.getbasetemp() / "odd.jsonl"
    path.write_text(content, "utf-8", "surrogatepass")
    try:
        assert all(isinstance(one, Problem) or isinstance(one[1], Talk) for one in talks(path, source))
    except UserError as error:
        assert "\n" not in str(error)


# Out and in again


WORDS = st.text(max_size=20) | st.sampled_from(["a red", "no Syrah", "I love Red Hill (2018)", "ada@example.org"])
SAID = st.builds(lambda role, text: {"role": role, "content": text}, st.sampled_from(["user", "assistant"]), WORDS)


@settings(max_examples=60, deadline=None)
@given(st.lists(SAID, max_size=8))
def test_every_word_of_the_person_comes_in_and_the_dialogue_is_good(
    rec: Recommender, tmp_path_factory: pytest.TempPathFactory, messages: list[dict[str, str]]
) -> None:
    path = file_of(tmp_path_factory.getbasetemp(), {"messages": messages}, name="words.jsonl")
    [one] = talks(path, "messages")
    assert not isinstance(one, Problem)
    made = imported(one[1], rec)
    said = [one["content"].splitlines() for one in messages if one["role"] == "user"]
    words = " ".join(filter(None, (redact("\n".join(filter(None, map(clean, lines)))) for lines in said)))
    assert " ".join(turn["user"] for turn in (made.dialogue["turns"] if made else ())) == words.replace("\n", " ")
    assert made is None or check(json.dumps(made.dialogue))[::2] == ("dialogues", [])


@pytest.mark.parametrize("out", [messages_of, sharegpt_of])
def test_what_went_out_comes_in_with_the_same_words_items_and_reasons(
    rec: Recommender, tmp_path: Path, wines: Catalog, out: Any
) -> None:
    log = ConversationLog(tmp_path / "log.sqlite")
    shown = ["Chalk Field (2012)", "Green Gate (2023)"]
    written(log, "c", [turn(1, "a dry white", "Here.", shown, question="Organic?"), turn(2, "yes", "Nothing else.")])
    [one] = came_in(file_of(tmp_path, *out(log)), rec)
    log.close()
    first, second = one.dialogue["turns"]
    assert (first["user"], first["reply"]) == ("a dry white", "Here. Organic?")
    assert first["shown"] == [{"title": title, "reason": f"For {title}."} for title in shown]
    assert (second["user"], second["reply"], second["shown"]) == ("yes", "Nothing else.", [])
    assert [logged.gold for logged in logged_turns([one.dialogue], wines)] == [("chalk-field", "green-gate")]


# The command


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_command_says_what_came_of_it_and_leaves_the_log_alone(rec: Recommender, tmp_path: Path) -> None:
    home, out = rec.settings.home, tmp_path / "dialogues.jsonl"
    before = (home / "log.sqlite").stat().st_mtime_ns
    silent = {"id": "s", "messages": [{"role": "user", "content": "hello"}]}
    nobody = {"id": "n", "messages": [{"role": "assistant", "content": "Anybody?"}]}
    path = file_of(tmp_path, {"id": "m", "messages": CHAT}, silent, nobody, {"a": 1}, REDIAL)
    result = call("import", path, "--out", out, "--home", home, "--encoder", "hashing")
    assert result.exit_code == 0, result.output
    assert f"3 dialogues with 5 turns written to {out}" in result.output
    assert "titles: 4 found and shown, 1 not in the catalog, most often Blue Lagoon (1999) (1)" in result.output
    assert "nothing of the catalog, kept for what is said in them: 1" in result.output
    assert "left out: 2" in result.output and "not taken as shown: 2" in result.output
    assert f"{path}:3: nobody asks anything in it" in result.output and f"{path}:4: has no known" in result.output
    assert [one["id"] for one in read_dialogues(out)] == ["m", "s", "redial-7"]
    assert call("validate", out).exit_code == 0
    assert (home / "log.sqlite").stat().st_mtime_ns == before


def test_a_file_without_a_conversation_is_said_in_one_line(rec: Recommender, tmp_path: Path) -> None:
    path, out = file_of(tmp_path, {"a": 1}), tmp_path / "out.jsonl"
    result = call("import", path, "--out", out, "--home", rec.settings.home, "--encoder", "hashing")
    assert isinstance(result.exception, UserError) and "holds no conversation" in str(result.exception)
    assert "\n" not in str(result.exception) and not out.exists()


def test_a_long_message_is_cut_where_serving_cuts_it(rec: Recommender) -> None:
    made = imported(Talk("long", (Said("user", "red " * 5000),)), rec)
    assert made is not None and len(made.dialogue["turns"][0]["user"]) == 4000
