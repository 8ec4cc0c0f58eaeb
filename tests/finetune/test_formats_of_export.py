"""What the chat logged goes out in every format, without what was taken back and what is private."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cellar import open_cellar, stock, turn, written
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from agent import Recommender
from agent.feedback import Feedback
from agent.log import ConversationLog
from agent.review import case_of, decide
from finetune import export
from finetune.__main__ import app
from finetune.examples import read_dialogues
from finetune.formats.findings import check
from finetune.formats.lines import MODELS, Format
from retrieval.catalog import Catalog, UserError

ADA = "ada@example.org"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[ConversationLog]:
    log = ConversationLog(tmp_path / "log.sqlite")
    yield log
    log.close()


def judge(log: ConversationLog, conversation: str, number: int, item: str | None, verdict: str) -> None:
    """Log a click as the recommender does: a verdict on an item changes the belief, a thumb does not."""
    items = [{"ref": item, "item_id": item, "title": item, "verdict": verdict}] if item else []
    update = {"intent": "feedback", "items": items}
    log.add_feedback(conversation, Feedback(number, item, verdict, update=update), after=log.last(conversation))


def lines(log: ConversationLog, kind: Format, catalog: Catalog) -> list[dict[str, Any]]:
    made = {
        "dialogues": lambda: export.dialogues_of(log, catalog), "messages": lambda: export.messages_of(log),
        "sharegpt": lambda: export.sharegpt_of(log), "preferences": lambda: export.preferences_of(log),
        "kto": lambda: export.kto_of(log),
    }  # fmt: skip
    return list(made[kind]())


def test_a_chat_has_the_reply_and_a_line_for_every_item(log: ConversationLog) -> None:
    told = turn(1, "a dry white", "Here are two.", ["Chalk Field", "Green Gate"], question="Organic?")
    written(log, "c", [told, turn(2, "yes", "Nothing else.", question="Or else red.")])
    [chat] = export.messages_of(log)
    assert chat == {
        "id": "c",
        "messages": [
            {"role": "user", "content": "a dry white"},
            {"role": "assistant",
             "content": "Here are two. Organic?\n- Chalk Field: For Chalk Field.\n- Green Gate: For Green Gate."},
            {"role": "user", "content": "yes"},
            {"role": "assistant", "content": "Nothing else."},
        ],
    }  # fmt: skip
    [shared] = export.sharegpt_of(log)
    assert [one["from"] for one in shared["conversations"]] == ["human", "gpt"] * 2
    assert [one["value"] for one in shared["conversations"]] == [one["content"] for one in chat["messages"]]


def test_what_was_liked_or_taken_is_preferred_to_what_stood_beside_it(log: ConversationLog) -> None:
    titles = ["Chalk Field", "Green Gate", "Red Hill", "Old Cellar"]
    written(log, "c", [turn(1, "hello", "Hello."), turn(2, "a dry white", "Here.", titles)])
    judge(log, "c", 2, "Green Gate", "accepted")
    judge(log, "c", 2, "Red Hill", "rejected")
    judge(log, "c", 2, "Old Cellar", "seen")
    pairs = list(export.preferences_of(log))
    assert [(one["chosen"][0]["content"], one["rejected"][0]["content"]) for one in pairs] == [
        ("Green Gate", "Chalk Field"), ("Green Gate", "Red Hill"),
    ]  # fmt: skip
    assert {(one["weight"], one["conversation"], one["turn"]) for one in pairs} == {(2.0, "c", 2)}
    assert [one["content"] for one in pairs[0]["prompt"]] == ["hello", "Hello.", "a dry white"]


def test_where_nothing_was_preferred_or_nothing_else_was_shown_there_is_no_pair(log: ConversationLog) -> None:
    written(log, "a", [turn(1, "a dry white", "Here.", ["Chalk Field", "Green Gate"])])
    judge(log, "a", 1, "Chalk Field", "rejected")
    written(log, "b", [turn(1, "a dry white", "Here.", ["Chalk Field"])])
    judge(log, "b", 1, "Chalk Field", "liked")
    assert not list(export.preferences_of(log))
    assert [(one["conversation"], one["label"]) for one in export.kto_of(log)] == [("a", False), ("b", True)]


def test_thumbs_judge_replies_and_verdicts_judge_items(log: ConversationLog) -> None:
    written(log, "c", [turn(1, "a dry white", "Here.", ["Chalk Field", "Green Gate"])])
    for item, verdict in ((None, "thumbs_up"), (None, "thumbs_down"), ("Green Gate", "liked"), ("Chalk Field", "seen")):
        judge(log, "c", 1, item, verdict)
    told = [(one["completion"][0]["content"].partition("\n")[0], one["label"]) for one in export.kto_of(log)]
    assert told == [("Here.", False), ("Green Gate", True)]


def test_a_dialogue_keeps_the_thumb_with_its_turn_and_the_verdict_where_it_was_given(
    log: ConversationLog, wines: Catalog
) -> None:
    written(log, "c", [turn(1, "a dry white", "Here.", ["Chalk Field"], question="Organic?")])
    judge(log, "c", 1, None, "thumbs_down")
    judge(log, "c", 1, "chalk-field", "liked")
    written(log, "c", [turn(2, "thanks", "Bye.")])
    [dialogue] = export.dialogues_of(log, wines)
    assert [one["user"] for one in dialogue["turns"]] == ["a dry white", "", "thanks"]
    assert [one.get("thumb") for one in dialogue["turns"]] == ["down", None, None]
    assert dialogue["turns"][0]["reply"] == "Here. Organic?"
    assert dialogue["turns"][1]["update"]["items"] == [{"ref": "chalk-field", "verdict": "liked"}]


def test_dialogues_hold_what_reviewers_decided_and_can_be_those_that_were_reviewed_alone(
    log: ConversationLog, wines: Catalog
) -> None:
    for conversation in ("plain", "reviewed"):
        written(log, conversation, [turn(1, "a dry white", "Here.", ["Chalk Field"]), turn(2, "asdf", "What?")])
    update = {"intent": "recommend", "prefer": [{"attribute": "text", "value": f"dry, says {ADA}"}]}
    decide(log, wines, case_of(log, "reviewed", 1), "corrected", update=update)
    decide(log, wines, case_of(log, "reviewed", 2), "rejected")
    assert [one["id"] for one in export.dialogues_of(log, wines)] == ["plain", "reviewed"]
    [dialogue] = export.dialogues_of(log, wines, reviewed=True)
    assert [one["user"] for one in dialogue["turns"]] == ["a dry white"]
    assert dialogue["turns"][0]["update"]["prefer"][0]["value"] == "dry, says [email]"


def test_reviewed_conversations_go_out_as_dialogues_only(tmp_path: Path) -> None:
    words = ["export", "--reviewed", "--format", "kto", "--home", str(tmp_path), "--out", str(tmp_path / "out.jsonl")]
    found = CliRunner().invoke(app, words)
    assert isinstance(found.exception, UserError) and "--format dialogues" in str(found.exception)


@pytest.mark.parametrize("kind", MODELS)
def test_what_was_taken_back_is_nowhere(log: ConversationLog, wines: Catalog, kind: Format) -> None:
    written(log, "c", [turn(1, "a dry white", "Here.", ["Chalk Field", "Green Gate"])])
    judge(log, "c", 1, "Chalk Field", "liked")
    written(log, "c", [turn(2, "a secret wish", "A secret answer.", ["Red Hill", "Old Cellar"])])
    judge(log, "c", 2, "Red Hill", "liked")
    judge(log, "c", 2, None, "thumbs_up")
    log.add_undo("c", 2, after=log.last("c"))
    written(log, "c", [turn(2, "a red", "Here.", ["Long Valley", "Old Cellar"])])
    found = lines(log, kind, wines)
    assert found and not [one for one in found if "secret" in str(one) or "Red Hill" in str(one) or "thumb" in str(one)]


@pytest.mark.parametrize("kind", MODELS)
def test_private_data_of_an_old_log_stay_in_it(log: ConversationLog, wines: Catalog, kind: Format) -> None:
    update = {"intent": "recommend", "prefer": [{"attribute": "text", "value": f"ask {ADA}"}],
              "items": [{"ref": ADA, "verdict": "liked", "item_id": None}]}  # fmt: skip
    told = turn(1, f"write to {ADA}", f"I note {ADA}.", ["Chalk Field", "Green Gate"], update=update)
    written(log, "c", [told])
    judge(log, "c", 1, "Chalk Field", "liked")
    judge(log, "c", 1, None, "thumbs_up")
    found = lines(log, kind, wines)
    assert found and ADA not in str(found) and "[email]" in str(found)


def test_a_click_that_is_a_turn_of_its_own_and_a_message_without_words(log: ConversationLog, wines: Catalog) -> None:
    written(log, "c", [turn(1, "", "Say something."), turn(2, "(removed region)", "Here.", ["Red Hill"], via="chip")])
    [chat] = export.messages_of(log)
    assert [one["content"].partition("\n")[0] for one in chat["messages"]] == ["(removed region)", "Here."]
    [dialogue] = export.dialogues_of(log, wines)
    assert [one["user"] for one in dialogue["turns"]] == ["", "(removed region)"]


WORDS = st.text(max_size=12) | st.sampled_from([ADA, " ", "\x85", "\u2028", "\ud800", "card 4111 1111 1111 1111"])
TITLES = st.lists(st.sampled_from(["Chalk Field", "Green Gate", "Red Hill"]), unique=True, max_size=3)
STEP = st.one_of(
    st.tuples(st.just("say"), WORDS, WORDS, TITLES, st.floats(1e-6, 1)),
    st.tuples(st.just("judge"), st.sampled_from(["Chalk Field", "Red Hill"]),
              st.sampled_from(["liked", "rejected", "seen", "accepted", "like_this"])),
    st.tuples(st.just("thumb"), st.sampled_from(["thumbs_up", "thumbs_down"])),
    st.tuples(st.just("undo")),
)  # fmt: skip


def play(log: ConversationLog, steps: list[tuple[Any, ...]]) -> None:
    number = 0
    for step in steps:
        match step:
            case ("say", user, text, titles, propensity):
                number += 1
                candidates = tuple({"item_id": title, "propensity": propensity} for title in titles)
                user, text = (one.encode("utf-8", "ignore").decode() for one in (user, text))
                written(log, "c", [turn(number, user, text, titles, candidates=candidates)])
            case ("undo",) if number:
                log.add_undo("c", number, after=log.last("c"))
                number -= 1
            case ("judge", item, verdict) if number:
                judge(log, "c", number, item, verdict)
            case ("thumb", verdict) if number:
                judge(log, "c", number, None, verdict)


@settings(max_examples=25, deadline=None)
@given(st.lists(STEP, max_size=12))
def test_whatever_was_said_and_done_every_line_that_goes_out_is_good(
    tmp_path_factory: pytest.TempPathFactory, wines: Catalog, steps: list[tuple[Any, ...]]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    log = ConversationLog(folder / "log.sqlite")
    play(log, steps)
    for kind in MODELS:
        made = lines(log, kind, wines)
        export.write_lines(made, folder / kind)
        read = (folder / kind).read_text("utf-8").splitlines()
        assert [json.loads(line) for line in read] == made or "\\ud800" in str(made)
        assert [check(line)[::2] for line in read] == [(kind, [])] * len(made)
    assert len(read_dialogues(folder / "dialogues")) == len(lines(log, "dialogues", wines))
    log.close()


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def rec(wines: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recommender]:
    rec = open_cellar(stock(tmp_path_factory.mktemp("home"), wines))
    shown = rec.reply("c", "a Riesling from the Mosel, please").items
    rec.feedback("c", 1, shown[0].id, "accepted")
    rec.feedback("c", 1, verdict="thumbs_up")
    rec.reply("d", "something organic")
    yield rec
    rec.close()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("dialogues", "2 dialogues with 3 turns written to"),
        ("messages", "2 conversations with 4 messages written to"),
        ("sharegpt", "2 conversations with 4 messages written to"),
        ("preferences", "pairs from 1 conversations written to"),
        ("kto", "2 judged answers, 2 good and 0 bad, written to"),
    ],
)
def test_the_command_writes_every_format_and_the_check_finds_nothing(
    rec: Recommender, tmp_path: Path, kind: Format, said: str
) -> None:
    out = tmp_path / "out.jsonl"
    result = call("export", "--out", out, "--format", kind, "--home", rec.settings.home)
    assert result.exit_code == 0 and said in result.output, result.output
    checked = call("validate", out)
    assert checked.exit_code == 0 and f" {kind}): 0 bad, 0 with private data" in checked.output
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


def test_what_cannot_be_written_leaves_nothing_behind(rec: Recommender, tmp_path: Path) -> None:
    for out in (tmp_path, tmp_path / "missing" / "out.jsonl"):
        result = call("export", "--out", out, "--home", rec.settings.home, "--format", "messages")
        assert isinstance(result.exception, UserError) and "cannot be written" in str(result.exception)
    assert not list(tmp_path.iterdir()) and not list(tmp_path.parent.glob("*.part"))
    result = call("export", "--out", tmp_path / "out.jsonl", "--home", tmp_path)
    assert isinstance(result.exception, UserError) and "talk first" in str(result.exception)


def test_an_error_while_lines_are_made_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("old\n")
    with pytest.raises(ZeroDivisionError):
        export.write_lines(({"n": 1 // (2 - n)} for n in count()), path)
    assert path.read_text() == "old\n"
