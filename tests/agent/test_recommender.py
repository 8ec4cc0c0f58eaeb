from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_world import CATALOG, BruteForce, Told, limit, open_world, verdict, wish

from agent.belief import BeliefState, BeliefUpdate, Drop, Shown
from agent.llm import ScriptedLanguageModel
from agent.recommender import LONGEST_NAME, LONGEST_TEXT, Recommender


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def rec(tmp_path: Path, told: Told) -> Iterator[Recommender]:
    recommender = open_world(tmp_path / "home", told)
    yield recommender
    recommender.close()


def crime(told: Told) -> str:
    return told.hears("dark crime", limit("subjects", "is", "crime", "crime"), wish("moods", "dark", words="dark"))


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, agent; from agent import Recommender, Settings; "
        "bad = {'langgraph', 'torch', 'transformers', 'chromadb', 'gradio'} & set(sys.modules); assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_in_the_package_is_an_attribute_error() -> None:
    import agent

    with pytest.raises(AttributeError, match="Nonsense"):
        agent.Nonsense  # noqa: B018


def test_a_reply_holds_items_with_reasons_belief_and_timings(rec: Recommender, told: Told) -> None:
    reply = rec.reply("c", crime(told))
    assert (reply.turn, reply.action, reply.done, len(reply.items)) == (1, "recommend", True, 4)
    assert [item.rank for item in reply.items] == [1, 2, 3, 4]
    for item in reply.items:
        assert item.id in CATALOG and item.reason and item.semantic_id.startswith("<a_") and 0 <= item.score <= 1
        assert item.title == CATALOG.label(CATALOG[item.id])
    assert reply.belief["constraints"] == [
        {"attribute": "subjects", "op": "is", "value": "crime", "words": "crime", "turn": 1}
    ]
    assert reply.update["prefer"][0]["value"] == "dark"
    assert {"understand", "retrieve", "rerank", "explain", "cards", "total"} <= set(reply.timings)
    assert reply.timings["cards"] <= reply.timings["total"]
    assert rec.belief("c") == reply.belief


def test_a_stream_shows_items_before_reasons_and_text_last(rec: Recommender, told: Told) -> None:
    parts = list(rec.stream("c", crime(told)))
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert [bool(item.reason) for item in parts[0].items] == [False] * 4
    assert [sum(bool(item.reason) for item in part.items) for part in parts[:5]] == [0, 1, 2, 3, 4]
    assert not any(part.text for part in parts[:-1]) and parts[-1].text
    assert parts[0].belief["constraints"] and parts[0].turn == parts[-1].turn == 1


def test_items_arrive_while_the_first_reason_is_still_being_written(tmp_path: Path, told: Told) -> None:
    cards_seen = threading.Event()

    class Patient(ScriptedLanguageModel):
        def write(self, *args: object, **more: object) -> Iterator[tuple[int, str]]:  # type: ignore[override]
            assert cards_seen.wait(timeout=60), "nobody got the items before the reasons"
            yield from ((place, "") for place in range(len(args[0])))  # type: ignore[arg-type]

    rec = open_world(tmp_path / "home", told, Patient())
    for part in rec.stream("c", crime(told)):
        if part.items:
            cards_seen.set()
    assert part.done


def test_a_stream_that_nobody_reads_to_the_end_leaves_a_finished_turn(rec: Recommender, told: Told) -> None:
    parts = rec.stream("c", crime(told))
    seen = next(parts)
    parts.close()  # type: ignore[attr-defined]
    (turn,) = rec.history("c")
    assert [item["id"] for item in turn["items"]] == [item.id for item in seen.items]
    assert all(item["reason"] for item in turn["items"])
    assert rec.reply("c", "hello").turn == 2


def test_a_stream_that_was_never_begun_changes_nothing(rec: Recommender, told: Told) -> None:
    del told
    rec.stream("c", "hello")
    assert rec.belief("c")["turn"] == 0 and rec.conversations() == []


def test_two_conversations_do_not_leak(rec: Recommender, told: Told) -> None:
    crime(told)
    told.hears("space", limit("subjects", "is", "space"))
    told.hears("seen all", *(verdict(item.id, "seen") for item in list(CATALOG)[:30]), intent="feedback")
    rec.reply("a", "dark crime")
    rec.reply("b", "space")
    rec.reply("a", "seen all")
    assert [entry["value"] for entry in rec.belief("b")["constraints"]] == ["space"]
    assert rec.belief("b")["items"] == []
    assert rec.belief("a")["turn"] == 2 and rec.belief("b")["turn"] == 1


def test_many_threads_in_many_conversations_each_keep_their_own(rec: Recommender, told: Told) -> None:
    subjects = ("history", "space", "crime", "cooking")
    for subject in subjects:
        told.hears(subject, limit("subjects", "is", subject))
    replies: dict[str, list[str]] = {}

    def talk(subject: str) -> None:
        replies[subject] = [item.id for _ in range(3) for item in rec.reply(subject, subject).items]

    threads = [threading.Thread(target=talk, args=(subject,)) for subject in subjects for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for subject in subjects:
        assert rec.belief(subject)["turn"] == 6
        assert all(subject in CATALOG[item].values("subjects") for item in replies[subject])


def test_items_shown_come_again_only_when_nothing_new_is_left(rec: Recommender, told: Told) -> None:
    rule = limit("year", "at_most", 1965)
    first = rec.reply("c", told.hears("old", rule))
    second = rec.reply("c", told.hears("more", intent="refine"))
    third = rec.reply("c", "more")
    assert {item.id for item in first.items}.isdisjoint(item.id for item in second.items[:2])
    assert len(second.items) == 4 and "the last 2 you saw before" in second.text
    assert "Nothing new is left" in third.text and third.question and "or earlier” would give" in third.question
    fourth = rec.reply("c", "more")
    assert fourth.items and fourth.question is None, "the same offer is not made twice"


def test_fewer_items_than_a_list_holds_are_said_to_be_all(rec: Recommender, told: Told) -> None:
    reply = rec.reply("c", told.hears("oldest", limit("year", "at_most", 1961)))
    assert len(reply.items) == 2
    assert "Only 2 books fit" in reply.text and "that is all" in reply.text


def test_nothing_fits_names_the_limit_and_a_yes_relaxes_it(rec: Recommender, told: Told) -> None:
    reply = rec.reply("c", told.hears("klingon", limit("language", "is", "Klingon"), limit("year", "at_least", 1990)))
    assert reply.items == () and "No book here meets “Klingon”." in reply.text
    assert reply.question == "Dropping “Klingon” would give 30 books. Shall I?"
    question = BeliefState.model_validate(reply.belief).questions[-1]
    assert question.yes is not None
    told.updates["yes"] = question.yes
    again = rec.reply("c", "yes")
    assert len(again.items) == 4 and [entry["attribute"] for entry in again.belief["constraints"]] == ["year"]


def test_choosing_an_item_closes_without_new_ones(rec: Recommender, told: Told) -> None:
    item = rec.reply("c", crime(told)).items[1]
    reply = rec.reply("c", told.hears("that one", verdict(item.id, "accepted"), intent="feedback"))
    assert reply.items == () and reply.text == f"{item.title} it is."


def test_rejecting_an_item_brings_new_ones(rec: Recommender, told: Told) -> None:
    item = rec.reply("c", crime(told)).items[0]
    reply = rec.reply("c", told.hears("not that", verdict(item.id, "rejected"), intent="feedback"))
    assert reply.items and item.id not in {one.id for one in reply.items}


def test_a_title_looked_up_is_shown(rec: Recommender, told: Told) -> None:
    reply = rec.reply("c", told.hears("do you have it", intent="search", targets=("b40",)))
    assert [item.id for item in reply.items] == ["b40"]
    assert reply.text == f"Yes, {CATALOG.label(CATALOG['b40'])} is in this catalog."


def test_a_title_looked_up_that_was_seen_is_said_to_be_seen(rec: Recommender, told: Told) -> None:
    rec.reply("c", told.hears("seen", verdict("b01", "seen"), intent="feedback"))
    reply = rec.reply("c", told.hears("have it?", intent="search", targets=("b01",)))
    assert (reply.items, reply.question) == ((), None)
    assert reply.text == f"{CATALOG.label(CATALOG['b01'])} is here, but you have seen it."


def test_a_title_looked_up_that_breaks_a_limit_is_not_shown_but_explained(rec: Recommender, told: Told) -> None:
    rec.reply("c", told.hears("new", limit("year", "at_least", 2010)))
    reply = rec.reply("c", told.hears("have it?", intent="search", targets=("b01",)))
    assert reply.items == ()
    assert reply.question == "Dropping “2010 or later” would give 60 books. Shall I?"
    label = CATALOG.label(CATALOG["b01"])
    assert reply.text == f"{label} is here, but you asked for 2010 or later (year 1961). {reply.question}"
    question = BeliefState.model_validate(reply.belief).questions[-1]
    assert question.yes is not None
    told.updates["yes"] = question.yes
    assert [item.id for item in rec.reply("c", "yes").items] == ["b01"]


def test_a_click_on_an_item_changes_the_belief_and_survives_a_restart(tmp_path: Path, told: Told) -> None:
    rec = open_world(tmp_path, told)
    reply = rec.reply("c", crime(told))
    belief = rec.feedback("c", turn=1, item_id=reply.items[0].id, verdict="seen", words="ages ago")
    assert [(e["verdict"], e["words"], e["turn"]) for e in belief["items"]] == [("seen", "ages ago", 1)]
    rec.close()
    again = open_world(tmp_path, told)
    assert again.belief("c") == belief and belief["turn"] == 1
    given = {"item_id": reply.items[0].id, "verdict": "seen", "words": "ages ago", "reason": ""}
    assert again.history("c")[0]["feedback"] == [given]
    told.hears("more", intent="refine")
    assert reply.items[0].id not in {item.id for item in again.reply("c", "more").items}


def test_a_thumb_on_a_whole_reply_is_logged_and_changes_no_belief(rec: Recommender, told: Told) -> None:
    before = rec.reply("c", crime(told)).belief
    assert rec.feedback("c", 1, verdict="thumbs_down", words="not grounded") == before
    assert rec.export("c")["entries"][-1]["verdict"] == "thumbs_down"


def test_a_reason_for_a_bad_reply_acts_at_once_and_survives_a_restart(tmp_path: Path, told: Told) -> None:
    rec = open_world(tmp_path, told)
    shown = {item.id for item in rec.reply("c", crime(told)).items}
    rec.feedback("c", 1, verdict="thumbs_down", reason="seen_it", words="all of them")
    rec.close()
    again = open_world(tmp_path, told)
    assert {entry["item_id"] for entry in again.belief("c")["items"] if entry["verdict"] == "seen"} == shown
    assert again.history("c")[0]["feedback"][0]["reason"] == "seen_it"
    assert not shown & {item.id for item in again.reply("c", told.hears("more", intent="refine")).items}


def test_feedback_sent_twice_with_one_key_is_one(rec: Recommender, told: Told) -> None:
    first = rec.reply("c", crime(told)).items[0].id
    belief = rec.feedback("c", 1, first, "liked", key="click-1")
    assert rec.feedback("c", 1, first, "liked", key="click-1") == belief
    rec.feedback("c", 1, first, "disliked", key="click-2")
    entries = [entry for entry in rec.export("c")["entries"] if entry["kind"] == "feedback"]
    assert [entry["verdict"] for entry in entries] == ["liked", "disliked"]
    assert [entry["verdict"] for entry in rec.belief("c")["items"]] == ["disliked"]


def test_private_data_are_neither_logged_nor_remembered(tmp_path: Path, told: Told) -> None:
    rec = open_world(tmp_path, told)
    reply = rec.reply("c", "write to ada@example.org or call +44 20 7946 0958", user="ada")
    assert reply.text.startswith("(I do not keep e-mail addresses, telephone numbers: left out.)")
    shown = rec.reply("c", crime(told), user="ada").items
    rec.feedback("c", 2, shown[0].id, "seen", words="my card is 4111 1111 1111 1111", user="ada")
    rec.close()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            kept = path.read_bytes()
            assert b"ada@example" not in kept and b"7946" not in kept and b"4111" not in kept, path.name


@pytest.mark.parametrize(
    ("turn", "item", "kind", "named"),
    [(2, None, "thumbs_up", "2"), (1, "b99", "liked", "b99"), (1, None, "adored", "adored"), (0, None, "liked", "0")],
)
def test_feedback_on_what_is_not_there_is_a_value_error_with_the_value(
    rec: Recommender, told: Told, turn: int, item: str | None, kind: str, named: str
) -> None:
    rec.reply("c", crime(told))
    with pytest.raises(ValueError, match=named):
        rec.feedback("c", turn, item, kind)


def test_removing_a_chip_drops_the_entry_and_recommends_anew(rec: Recommender, told: Told) -> None:
    rec.reply("c", crime(told))
    reply = rec.remove("c", "subjects", "crime")
    assert reply.belief["constraints"] == [] and reply.items and reply.turn == 2
    assert [(turn["via"], turn["user"]) for turn in rec.history("c")] == [
        ("text", "dark crime"), ("chip", "(removed subjects: crime)"),
    ]  # fmt: skip


def test_undo_goes_back_to_before_the_last_turn_with_the_clicks_made_then(rec: Recommender, told: Told) -> None:
    first = rec.reply("c", crime(told))
    clicked = rec.feedback("c", 1, first.items[0].id, "liked")
    rec.reply("c", told.hears("space", limit("subjects", "is", "space")))
    rec.feedback("c", 2, verdict="thumbs_up")
    assert rec.undo("c") == clicked
    assert [turn["user"] for turn in rec.history("c")] == ["dark crime"]
    assert rec.undo("c")["turn"] == 0
    assert rec.history("c") == [] and rec.belief("c")["constraints"] == []
    with pytest.raises(ValueError, match="'c' has no turn to undo"):
        rec.undo("c")
    assert rec.reply("c", "space").turn == 1
    assert [entry["kind"] for entry in rec.export("c")["entries"]] == [
        "turn", "feedback", "turn", "feedback", "undo", "undo", "turn",
    ]  # fmt: skip


def test_undo_keeps_what_was_said_since_of_an_earlier_list(rec: Recommender, told: Told) -> None:
    first = rec.reply("c", crime(told))
    rec.reply("c", told.hears("space", limit("subjects", "is", "space")))
    rec.feedback("c", 1, first.items[0].id, "liked")
    after = rec.undo("c")
    assert [entry["verdict"] for entry in after["items"]] == ["liked"] and after["turn"] == 1
    rec.reply("c", told.hears("cooking", limit("subjects", "is", "cooking")))
    assert rec.undo("c") == after, "and not twice"
    assert rec.undo("c")["items"] == []


def test_undo_after_undo_and_new_turns_follows_the_standing_conversation(rec: Recommender, told: Told) -> None:
    beliefs = [rec.belief("c")]
    for subject in ("crime", "space", "music"):
        beliefs.append(dict(rec.reply("c", told.hears(subject, limit("subjects", "is", subject))).belief))
    rec.undo("c")
    rec.reply("c", told.hears("cooking", limit("subjects", "is", "cooking")))
    assert rec.undo("c") == beliefs[2]
    assert rec.undo("c") == beliefs[1]


def test_a_deleted_conversation_is_gone_and_can_begin_again(rec: Recommender, told: Told) -> None:
    rec.reply("c", crime(told))
    rec.delete("c")
    assert (rec.conversations(), rec.history("c"), rec.belief("c")["turn"]) == ([], [], 0)
    assert rec.reply("c", "dark crime").turn == 1


def test_of_a_long_conversation_that_is_deleted_no_byte_stays(rec: Recommender) -> None:
    for turn in range(12):
        rec.reply("gone", f"xylophone {turn} " + "and so on " * 30)
        rec.reply("stays", f"hello {turn}")
    rec.delete("gone")
    for path in rec.settings.home.glob("*.sqlite*"):
        assert b"xylophone" not in path.read_bytes(), path.name
    assert len(rec.history("stays")) == 12


def test_conversations_are_listed_with_their_first_words(rec: Recommender, told: Told) -> None:
    rec.reply("a", "word " * 40)
    rec.reply("b", "hello")
    listed = rec.conversations()
    assert [(one["id"], one["turns"]) for one in listed] == [("b", 1), ("a", 1)]
    assert len(listed[1]["title"]) <= 60
    del told


@pytest.mark.parametrize("text", ["", "   ", "\x00\x01\x1b[2J", "\u202e\u200b", "\n\n"])
def test_empty_messages_get_an_invitation(rec: Recommender, text: str) -> None:
    reply = rec.reply("c", text)
    assert (reply.action, reply.items) == ("chat", ()) and "book" in reply.text


def test_a_very_long_message_is_cut_and_it_is_said(rec: Recommender) -> None:
    reply = rec.reply("c", "x" * 100_000)
    assert reply.text.startswith(f"(I read the first {LONGEST_TEXT:,} characters.)")
    assert len(rec.history("c")[0]["user"]) == LONGEST_TEXT


def test_control_characters_and_lone_surrogates_do_not_reach_the_log(rec: Recommender) -> None:
    rec.reply("c", "hi\x00 \ud800there\x1b[31m 🌙")
    assert rec.history("c")[0]["user"] == "hi  there [31m 🌙"


@pytest.mark.parametrize("name", ["", "x" * (LONGEST_NAME + 1)])
def test_a_conversation_name_has_a_length(rec: Recommender, name: str) -> None:
    with pytest.raises(ValueError, match="1 to 200 characters"):
        rec.reply(name, "hello")


@pytest.mark.parametrize("name", ["x" * LONGEST_NAME, "../../etc", "a'; DROP TABLE turns; --", "名前 🌙", "%00"])
def test_a_conversation_name_is_data(rec: Recommender, name: str) -> None:
    assert rec.reply(name, "hello").conversation == name
    assert rec.conversations()[0]["id"] == name


def test_rank_orders_the_catalog_and_obeys_limits_and_mentions(rec: Recommender, told: Told) -> None:
    crime(told)
    rec._named = lambda text, belief: (Shown(item_id="b06", title="T", position=1, turn=belief.turn),)  # type: ignore[method-assign]
    told.hears("seen it", verdict("b06", "seen"))
    messages = [
        {"role": "user", "content": "dark crime"},
        {"role": "assistant", "content": "What about that one?"},
        {"role": "user", "content": "seen it"},
    ]
    ranked = rec.rank(messages, k=None)
    assert [score for _, score in ranked] == sorted((score for _, score in ranked), reverse=True)
    fitting = {item.id for item in CATALOG if "crime" in item.values("subjects")} - {"b06"}
    assert {item for item, _ in ranked} == fitting
    assert len(rec.rank(messages, k=5)) == 5


def test_the_query_of_a_dialogue_holds_what_was_said(rec: Recommender, told: Told) -> None:
    crime(told)
    query = rec.query([{"role": "user", "content": "dark crime"}, {"role": "assistant", "content": ""}])
    assert query.text == "dark crime"
    assert [limit.value for limit in query.constraints] == ["crime"]
    assert not rec.query([]).constraints


def test_rank_reads_the_beginning_of_a_dialogue_once(rec: Recommender, told: Told) -> None:
    crime(told)
    read: list[str] = []
    understand = rec.tools.understanding.understand

    def counted(text: str, belief: BeliefState) -> BeliefUpdate:
        read.append(text)
        return understand(text, belief)

    rec.tools.understanding.understand = counted  # type: ignore[method-assign]
    dialogue = [{"role": "user", "content": "dark crime"}]
    first = rec.rank(dialogue, k=5)
    assert rec.rank(dialogue, k=5) == first
    rec.rank([*dialogue, {"role": "user", "content": "go on"}], k=5)
    assert read == ["dark crime", "go on"]


@pytest.mark.parametrize(
    "messages",
    [[], [{}], [{"role": "user"}], [{"role": "user", "content": None}], [{"role": "system", "content": "x\x00"}]],
)
def test_rank_of_odd_input_is_the_popular_order(rec: Recommender, messages: list[dict[str, str]]) -> None:
    assert [item for item, _ in rec.rank(messages, k=3)] == ["b00", "b01", "b02"]


def test_a_language_model_that_breaks_leaves_the_conversation_as_it_was(tmp_path: Path, told: Told) -> None:
    class Broken(ScriptedLanguageModel):
        broken = False

        def write(self, *args: object, **more: object) -> Iterator[tuple[int, str]]:  # type: ignore[override]
            if self.broken:
                raise MemoryError("no room")
            return iter([(place, "") for place in range(len(args[0]))])  # type: ignore[arg-type]

    llm = Broken()
    rec = open_world(tmp_path, told, llm)
    before = rec.reply("c", crime(told)).belief
    llm.broken = True
    with pytest.raises(MemoryError):
        rec.reply("c", told.hears("space", limit("subjects", "is", "space")))
    assert rec.belief("c") == before and len(rec.history("c")) == 1
    llm.broken = False
    reply = rec.reply("c", told.hears("funny", wish("moods", "funny")))
    assert reply.turn == 2 and {e["value"] for e in reply.belief["constraints"]} == {"crime"}
    rec.undo("c")
    assert rec.belief("c") == before


def test_a_conversation_continues_after_a_restart(tmp_path: Path, told: Told) -> None:
    rec = open_world(tmp_path, told)
    shown = rec.reply("c", crime(told)).items
    rec.close()
    again = open_world(tmp_path, told)
    assert [item["id"] for item in again.history("c")[0]["items"]] == [item.id for item in shown]
    assert again.reply("c", told.hears("more", intent="refine")).turn == 2


def test_lost_checkpoints_are_rebuilt_from_the_log_with_clicks_and_undo(tmp_path: Path, told: Told) -> None:
    rec = open_world(tmp_path, told)
    first = rec.reply("c", crime(told))
    rec.feedback("c", 1, first.items[0].id, "seen")
    rec.reply("c", told.hears("space", limit("subjects", "is", "space")))
    rec.undo("c")
    rec.remove("c", "moods", "dark")
    before = rec.belief("c")
    rec.close()
    for path in tmp_path.glob("checkpoints.sqlite*"):
        path.unlink()
    again = open_world(tmp_path, told)
    assert again.belief("c") == before
    assert again.undo("c")["preferences"] != []
    assert again.undo("c")["turn"] == 0


def test_checkpoints_without_their_log_begin_anew(tmp_path: Path, told: Told) -> None:
    rec = open_world(tmp_path, told)
    rec.reply("c", crime(told))
    rec.close()
    for path in tmp_path.glob("log.sqlite*"):
        path.unlink()
    again = open_world(tmp_path, told)
    assert again.belief("c")["turn"] == 0 and again.reply("c", "hello").turn == 1


def test_two_processes_in_one_conversation_do_not_overwrite_each_other(tmp_path: Path, told: Told) -> None:
    one, two = open_world(tmp_path, told), open_world(tmp_path, told)
    one.reply("c", crime(told))
    two.reply("c", told.hears("no space", limit("subjects", "is_not", "space")))
    belief = one.belief("c")
    assert belief["turn"] == 2 and len(belief["constraints"]) == 2


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from small_world import *
told = Told()
rec = open_world(Path({home!r}), told)
rec.reply("c", told.hears("crime", limit("subjects", "is", "crime")))
where = {where!r}
if where == "before the log":
    rec.tools.log.add_turn = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
elif where == "after the log":
    type(rec._memory._checkpoints).put = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
elif where == "after feedback was logged":
    rec._memory.set = lambda *a: os.kill(os.getpid(), signal.SIGKILL)
    rec.feedback("c", 1, rec.history("c")[0]["items"][0]["id"], "seen")
elif where == "after an undo was logged":
    rec._memory.go_back = lambda *a: os.kill(os.getpid(), signal.SIGKILL)
    rec.undo("c")
rec.reply("c", told.hears("space", limit("subjects", "is", "space")))
print("acknowledged", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("where", "acknowledged", "turns"),
    [
        ("before the log", False, 1),
        ("after the log", False, 2),
        ("after feedback was logged", False, 1),
        ("after an undo was logged", False, 0),
        ("nowhere in between", True, 2),
    ],
)
def test_a_killed_process_loses_no_acknowledged_turn(
    tmp_path: Path, told: Told, where: str, acknowledged: bool, turns: int
) -> None:
    script = KILLED.format(tests=str(Path(__file__).parent), home=str(tmp_path), where=where)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, env=os.environ)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert ("acknowledged" in done.stdout) == acknowledged
    rec = open_world(tmp_path, told)
    belief = rec.belief("c")
    assert belief["turn"] == turns == len(rec.history("c"))
    assert len(belief["constraints"]) == turns
    assert [e["verdict"] for e in belief["items"]] == (["seen"] if "feedback" in where else [])
    assert rec.reply("c", told.hears("funny", wish("moods", "funny"))).turn == turns + 1


def test_retrieval_never_sees_more_than_it_may_show(rec: Recommender, told: Told) -> None:
    first = rec.reply("c", crime(told))
    rec.feedback("c", 1, first.items[0].id, "rejected")
    rec.reply("c", told.hears("more", intent="refine"))
    retriever = rec.tools.retriever
    assert isinstance(retriever, BruteForce)
    assert first.items[0].id in retriever.queries[-1].exclude


def test_a_greeting_is_returned_with_a_varied_list_and_one_question(rec: Recommender) -> None:
    first = rec.reply("c", "hi there")
    assert first.action == "recommend" and len(first.items) == 4 and first.question
    assert first.text == f"Hello! Here are 4 books of different kinds to choose from. {first.question}"
    second = rec.reply("c", "thanks")
    assert (second.action, second.items, second.question, second.text) == ("chat", (), None, "You are welcome.")


def test_after_a_question_a_way_out_is_told_and_a_yes_takes_it(rec: Recommender, told: Told) -> None:
    assert rec.reply("c", "surprise me").question
    rules = limit("language", "is", "Klingon"), limit("year", "at_least", 1990)
    reply = rec.reply("c", told.hears("klingon", *rules))
    assert reply.question is None and reply.text.endswith("Dropping “Klingon” would give 30 books.")
    assert rec.history("c")[-1]["question"] is None and rec.history("c")[-1]["text"] == reply.text
    offered = BeliefState.model_validate(reply.belief).questions[-1]
    assert offered.yes is not None
    told.updates["yes"] = offered.yes
    assert len(rec.reply("c", "yes").items) == 4


def test_a_why_is_answered_with_what_was_wanted_when_it_was_shown(rec: Recommender, told: Told) -> None:
    shown = rec.reply("c", told.hears("crime", limit("subjects", "is", "crime"))).items[0]
    rec.reply("c", told.hears("no, cooking", Drop(attribute="subjects"), limit("subjects", "is", "cooking")))
    reply = rec.reply("c", told.hears("why that one?", intent="explain", targets=(shown.id,)))
    assert reply.text == f"{shown.title}: you asked for crime."


def test_what_a_click_overrules_is_said(rec: Recommender, told: Told) -> None:
    rec.reply("c", told.hears("no crime", limit("subjects", "is_not", "crime")))
    assert rec.remove("c", "subjects", "crime").text.startswith("No longer “no crime”. Here are 4 books")
