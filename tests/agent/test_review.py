from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from small_world import CATALOG, Told, limit, open_world, verdict, wish

from agent.belief import BeliefUpdate, Drop
from agent.recommender import Recommender
from agent.review import Case, Queue, case_of, decide, rejected, vetted
from agent.review_correction import read_update, update_text
from agent.review_dialogues import reviewed_dialogues, reviewed_turns
from agent.review_record import Review
from agent.review_scenario import save_scenario, scenario_of, written_of
from agent.transcripts import belief_from_turns
from evals.reading import check_against, read, read_all
from evals.run import play

SCHEMA = Path("evals/scenario.schema.json")
CRIME = {"intent": "recommend", "set": [{"attribute": "subjects", "op": "is", "value": "crime"}]}
SPACE = {"intent": "recommend", "set": [{"attribute": "subjects", "op": "is", "value": "space"}]}


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def rec(tmp_path: Path, told: Told) -> Recommender:
    rec = open_world(tmp_path, told)
    seconds = iter(range(10**6))
    rec.tools.log.clock = lambda: datetime(2024, 1, 2, tzinfo=UTC) + timedelta(seconds=next(seconds))
    return rec


def crime(told: Told, text: str = "dark crime") -> str:
    return told.hears(text, limit("subjects", "is", "crime"))


def waiting(rec: Recommender) -> list[tuple[str, int, tuple[str, ...]]]:
    return [(one.reacted.conversation, one.reacted.turn, one.why) for one in Queue(rec.tools.log).cases()]


def decided(rec: Recommender, conversation: str, turn: int, decision: Any, **corrections: Any) -> Review:
    return decide(rec.tools.log, CATALOG, case_of(rec.tools.log, conversation, turn), decision, **corrections)


def test_a_turn_that_nothing_speaks_against_is_not_in_the_queue(rec: Recommender, told: Told) -> None:
    shown = rec.reply("c", crime(told)).items
    rec.feedback("c", 1, shown[0].id, "disliked")
    rec.feedback("c", 1, verdict="thumbs_up")
    assert waiting(rec) == []


@pytest.mark.parametrize(
    ("item", "given", "why"),
    [
        (False, {"verdict": "thumbs_down"}, "disliked"),
        (False, {"verdict": "thumbs_down", "reason": "not_what_i_meant", "words": "no crime"}, "disliked"),
        (True, {"verdict": "rejected", "reason": "wrong_item"}, "disliked"),
        (True, {"verdict": "disliked", "reason": "ungrounded"}, "ungrounded"),
        (False, {"verdict": "thumbs_down", "reason": "ungrounded"}, "ungrounded"),
    ],
)
def test_complaints_bring_a_turn_into_the_queue(
    rec: Recommender, told: Told, item: bool, given: dict[str, str], why: str
) -> None:
    shown = rec.reply("c", crime(told)).items
    rec.feedback("c", 1, shown[1].id if item else None, **given)
    assert waiting(rec) == [("c", 1, (why,))]
    [case] = Queue(rec.tools.log).cases()
    plain = case.as_dict(CATALOG)
    assert plain["text"] == "dark crime" and plain["update"] == CRIME
    assert [card["id"] for card in plain["shown"]] == [one.id for one in shown] and plain["shown"][0]["reason"]
    assert [(one["reason"], one["words"]) for one in plain["complaints"]] == [
        (given.get("reason", ""), given.get("words", ""))
    ]
    assert plain["shown"][1]["complaint"] == (given["reason"] if item else "")


def test_a_thumb_that_was_turned_round_is_no_complaint(rec: Recommender, told: Told) -> None:
    rec.reply("c", crime(told))
    rec.feedback("c", 1, verdict="thumbs_down", reason="other", words="meh")
    rec.feedback("c", 1, verdict="thumbs_up")
    assert waiting(rec) == []


def test_what_was_said_again_is_in_the_queue(rec: Recommender, told: Told) -> None:
    rec.reply("c", crime(told))
    rec.reply("c", crime(told, "dark crime please"))
    assert waiting(rec) == [("c", 1, ("rephrased",))]


@pytest.mark.parametrize(
    ("parts", "more", "unsure"),
    [
        ([], {}, True),
        ([wish("text", "utter bliss")], {}, True),
        ([wish("text", "bliss"), wish("moods", "calm")], {}, False),
        ([], {"intent": "chat"}, False),
        ([], {"intent": "restart"}, False),
        ([], {"intent": "refine", "targets": ("b01",)}, False),
    ],
)
def test_a_message_of_which_nothing_was_linked_is_unsure(
    rec: Recommender, told: Told, parts: list[Any], more: dict[str, Any], unsure: bool
) -> None:
    rec.reply("c", told.hears("utter bliss by the sea", *parts, **more))
    assert (("c", 1, ("unsure",)) in waiting(rec)) is unsure


def test_who_leaves_the_choice_open_was_understood(rec: Recommender, told: Told) -> None:
    rec.reply("c", told.hears("surprise me"))
    assert waiting(rec) == []


def test_complaints_come_first_then_what_is_newest(rec: Recommender, told: Told) -> None:
    for name in ("a", "b", "d", "e"):
        rec.reply(name, told.hears(f"mumble {name}") if name in "be" else crime(told))
    rec.feedback("a", 1, verdict="thumbs_down")
    rec.feedback("d", 1, verdict="thumbs_down")
    assert [name for name, *_ in waiting(rec)] == ["d", "a", "e", "b"]


def test_a_decision_takes_a_turn_out_of_the_queue_and_a_later_complaint_puts_it_back(
    rec: Recommender, told: Told
) -> None:
    rec.reply("c", crime(told))
    rec.feedback("c", 1, verdict="thumbs_down")
    decided(rec, "c", 1, "approved")
    assert waiting(rec) == [] and len(Queue(rec.tools.log).cases(decided=True)) == 1
    rec.feedback("c", 1, verdict="thumbs_down", reason="other", words="still bad")
    assert [name for name, *_ in waiting(rec)] == ["c"]


def test_the_last_decision_counts_and_all_are_kept(rec: Recommender, told: Told) -> None:
    rec.reply("c", crime(told))
    decided(rec, "c", 1, "rejected", note="spam\x1b[2J from a@example.org", person="ada")
    decided(rec, "c", 1, "corrected", update=SPACE)
    assert [one.decision for one in rec.tools.log.reviews("c")] == ["rejected", "corrected"]
    first, last = rec.tools.log.reviews()
    assert first.person == "ada" and first.note == "spam [2J from [email]" and first.at < last.at
    assert case_of(rec.tools.log, "c", 1).review == last


def test_a_turn_said_anew_has_no_decision_yet(rec: Recommender, told: Told) -> None:
    rec.reply("c", crime(told))
    decided(rec, "c", 1, "approved")
    rec.undo("c")
    rec.reply("c", crime(told))
    assert case_of(rec.tools.log, "c", 1).review is None


def test_deletion_leaves_no_word_of_a_review(rec: Recommender, told: Told) -> None:
    rec.reply("secret-name", crime(told))
    case = case_of(rec.tools.log, "secret-name", 1)
    update = {"intent": "recommend", "prefer": [{"attribute": "text", "value": "secret wish"}]}
    order = [card.item_id for card in reversed(case.reacted.exposures)]
    told_anew = {order[0]: "secret reason"}
    decided(rec, "secret-name", 1, "corrected", update=update, order=order, reasons=told_anew, note="secret note")
    assert rec.export("secret-name")["reviews"][0]["note"] == "secret note"
    rec.delete("secret-name")
    assert rec.tools.log.reviews() == []
    for path in rec.tools.log.path.parent.glob("log.sqlite*"):
        assert b"secret" not in path.read_bytes(), path.name
    with pytest.raises(ValueError, match="no turn 1"):
        decide(rec.tools.log, CATALOG, case, "approved")
    assert rec.tools.log.reviews() == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("intent: recomend", "intent 'recomend': did you mean 'recommend'?"),
        ("intent: recommend\nsets: []", "key 'sets': did you mean 'set'?"),
        ("set:\n- {attribute: subject, op: is, value: crime}", "set 1: attribute 'subject': did you mean 'subjects'?"),
        ("set:\n- {attribute: subjects, op: is, value: crimes}", "set 1: subjects 'crimes': did you mean 'crime'?"),
        ("set:\n- {attribute: subjects, op: like, value: crime}", "set 1: op 'like': one of is, is_not"),
        ("set:\n- {attribute: year, op: at_least, value: new}", "set 1: at_least wants a number, not 'new'"),
        ("set:\n- {attribute: year, value: 2000}", "set 1: op is missing"),
        ("set:\n- {attribute: year, op: is, value: [1, 2]}", "not [1, 2]"),
        ("set: crime", "set: a list of entries is wanted"),
        ("set: [crime]", "set 1: write it as {attribute: ..., op: ..., value: ...}"),
        ("prefer:\n- {attribute: moods, value: calm, weight: much}", "prefer 1: weight is 1 for and -1 against"),
        ("items:\n- {ref: The Nothing, verdict: liked}", "items: no item 'The Nothing'"),
        ("items:\n- {ref: '#1', verdict: loved}", "items 1: verdict 'loved': did you mean 'liked'?"),
        ("set: [", "line 1: not valid YAML"),
        ("just words", "a key a line"),
    ],
)
def test_a_correction_that_cannot_be_used_is_refused_in_one_line(
    rec: Recommender, told: Told, text: str, said: str
) -> None:
    rec.reply("c", crime(told))
    with pytest.raises(ValueError) as error:
        decided(rec, "c", 1, "corrected", update=read_update(text))
    assert said in str(error.value) and "\n" not in str(error.value)
    assert rec.tools.log.reviews() == []


@pytest.mark.parametrize(
    ("corrections", "said"),
    [
        ({}, "nothing is corrected"),
        ({"update": CRIME}, "nothing is corrected"),
        ({"order": ["b999"]}, "neither shown nor among the candidates"),
        ({"reasons": {"b999": "Why not."}}, "not on the list"),
    ],
)
def test_what_corrects_nothing_or_something_else_is_refused(
    rec: Recommender, told: Told, corrections: dict[str, Any], said: str
) -> None:
    rec.reply("c", crime(told))
    with pytest.raises(ValueError, match=said):
        decided(rec, "c", 1, "corrected", **corrections)
    first = rec.history("c")[0]["items"][0]["id"]
    for wrong in ({"order": [first, first]}, {"reasons": {first: " "}}):
        with pytest.raises(ValueError):
            decided(rec, "c", 1, "corrected", **wrong)
    with pytest.raises(ValueError, match="save them as corrected"):
        decided(rec, "c", 1, "approved", update=SPACE)


def test_an_update_is_written_as_text_that_reads_back_the_same() -> None:
    update = {
        "intent": "refine",
        "set": [{"attribute": "subjects", "op": "is_not", "value": "crime"}],
        "prefer": [{"attribute": "text", "value": "no: #1, 'really' 🌙", "weight": -1}],
        "items": [{"ref": "#2", "verdict": "seen"}],
    }
    text = update_text(update)
    assert read_update(text) == {**update, "drop": []}
    assert text.splitlines()[:3] == ["intent: refine", "set:", "- {attribute: subjects, op: is_not, value: crime}"]


def test_values_are_kept_as_the_catalog_spells_them_and_what_was_logged_may_stay(rec: Recommender, told: Told) -> None:
    rec.reply("c", told.hears("have seen The Nothing", verdict(None, "seen", "The Nothing"), intent="feedback"))
    update = {
        "intent": "refine",
        "prefer": [{"attribute": "moods", "value": "CALM"}],
        "items": [{"ref": "The Nothing", "verdict": "seen"}],
    }
    kept = decided(rec, "c", 1, "corrected", update=update).update
    assert kept == {**update, "prefer": [{"attribute": "moods", "value": "calm", "weight": 1}]}


def test_a_queue_notices_what_went_on_what_was_decided_and_what_was_deleted(
    rec: Recommender, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        rec.reply(name, crime(told))
        rec.feedback(name, 1, verdict="thumbs_down")
    queue, read = Queue(rec.tools.log), []
    of_conversation = queue._read
    monkeypatch.setattr(queue, "_read", lambda name: read.append(name) or of_conversation(name))
    assert [case.reacted.conversation for case in queue.cases()] == ["b", "a"]
    decided(rec, "b", 1, "approved")
    assert [case.reacted.conversation for case in queue.cases()] == ["a"] and read == ["a", "b"]
    rec.feedback("b", 1, verdict="thumbs_down")
    assert [case.reacted.conversation for case in queue.cases()] == ["b", "a"] and read == ["a", "b", "b"]
    rec.delete("a")
    assert [case.reacted.conversation for case in queue.cases()] == ["b"] and len(read) == 3


# Dialogues


def test_training_sees_approved_and_corrected_turns_and_no_rejected_ones(rec: Recommender, told: Told) -> None:
    rec.reply("c", crime(told))
    rec.reply("c", told.hears("oh and calm", wish("moods", "dark"), intent="refine"))
    rec.reply("c", told.hears("asdf", limit("language", "is", "German"), intent="refine"))
    rec.reply("other", crime(told))
    decided(rec, "c", 1, "approved")
    calm = {"intent": "refine", "prefer": [{"attribute": "moods", "value": "calm", "weight": 1}]}
    decided(rec, "c", 2, "corrected", update=calm)
    decided(rec, "c", 3, "rejected")
    [dialogue] = reviewed_dialogues(rec.tools.log, CATALOG)
    assert (dialogue["id"], dialogue["split"]) == ("c", "train")
    assert [(turn["user"], turn["update"]) for turn in dialogue["turns"]] == [
        ("dark crime", CRIME), ("oh and calm", calm),
    ]  # fmt: skip
    assert all(set(turn) == {"user", "update", "shown", "reply"} for turn in dialogue["turns"])
    assert {dialogue["id"] for dialogue in reviewed_dialogues(rec.tools.log, CATALOG, rest=True)} == {"c", "other"}
    json.dumps(dialogue)


def test_learning_sees_what_was_corrected_as_corrected_and_nothing_that_was_rejected(
    rec: Recommender, told: Told
) -> None:
    for name in ("bad", "wrong", "good"):
        rec.reply(name, crime(told))
    decided(rec, "bad", 1, "rejected")
    decided(rec, "wrong", 1, "corrected", update=SPACE)
    found = {one.conversation: one for one in vetted(rec.tools.log, rec.catalog)}
    assert set(found) == {"wrong", "good"} and len(rejected(rec.tools.log)) == 1
    limits = {name: [str(rule.constraint.value) for rule in one.belief.constraints] for name, one in found.items()}
    assert limits == {"wrong": ["space"], "good": ["crime"]}


def test_what_somebody_turned_down_is_no_lesson_of_an_approved_list(rec: Recommender, told: Told) -> None:
    first, second, *_ = rec.reply("c", crime(told)).items
    rec.feedback("c", 1, first.id, "disliked")
    decided(rec, "c", 1, "approved")
    shown = reviewed_turns(rec.tools.log, rec.catalog, "c")[0]["shown"]
    assert [card["title"] for card in shown if "propensity" in card] == [first.title]
    assert second.title in [card["title"] for card in shown]


def test_what_no_reviewer_approved_has_the_probability_with_which_it_was_shown(rec: Recommender, told: Told) -> None:
    rec.reply("c", crime(told), user="ada")
    rec.reply("c", told.hears("oh and calm", wish("moods", "dark"), intent="refine"), user="ada")
    decided(rec, "c", 2, "approved")
    [dialogue] = reviewed_dialogues(rec.tools.log, CATALOG)
    first, second = dialogue["turns"]
    assert {card["propensity"] for card in first["shown"]} == {1.0}
    assert second["shown"] and all(set(card) == {"title", "reason"} for card in second["shown"])
    assert dialogue["who"] and "ada" not in json.dumps(dialogue)


def test_a_conversation_of_which_nothing_is_left_does_not_come(rec: Recommender, told: Told) -> None:
    rec.reply("c", crime(told))
    decided(rec, "c", 1, "rejected")
    assert list(reviewed_dialogues(rec.tools.log, CATALOG)) == []


def test_a_corrected_list_is_in_its_order_with_its_reasons(rec: Recommender, told: Told) -> None:
    shown = [item.id for item in rec.reply("c", crime(told)).items]
    extra = next(one for one in case_of(rec.tools.log, "c", 1).choices() if one not in shown)
    decided(rec, "c", 1, "corrected", order=[shown[2], extra], reasons={shown[2]: "A crime book."})
    [turn] = reviewed_turns(rec.tools.log, CATALOG, "c")
    assert turn["shown"] == [
        {"title": CATALOG.label(CATALOG[shown[2]]), "reason": "A crime book."},
        {"title": CATALOG.label(CATALOG[extra]), "reason": ""},
    ]


def test_what_breaks_a_corrected_limit_is_not_shown(rec: Recommender, told: Told) -> None:
    rec.reply("c", told.hears("no german crime", limit("subjects", "is", "crime")))
    update = {**CRIME, "set": [*CRIME["set"], {"attribute": "language", "op": "is_not", "value": "German"}]}
    decided(rec, "c", 1, "corrected", update=update)
    [turn] = reviewed_turns(rec.tools.log, CATALOG, "c")
    by_label = {CATALOG.label(item): item for item in CATALOG}
    assert all("German" not in by_label[card["title"]].values("language") for card in turn["shown"])


def test_a_reply_to_another_intent_is_not_kept(rec: Recommender, told: Told) -> None:
    rec.reply("c", crime(told, "lol crime"))
    decided(rec, "c", 1, "corrected", update={"intent": "chat"})
    assert reviewed_turns(rec.tools.log, CATALOG, "c")[0]["reply"] == ""


@pytest.mark.parametrize("decision", ["rejected", "corrected"])
def test_a_position_in_a_list_that_training_does_not_see_becomes_the_item(
    rec: Recommender, told: Told, decision: str
) -> None:
    shown = [item.id for item in rec.reply("c", crime(told)).items]
    rec.reply("c", told.hears("the second was nice", verdict(shown[1], "liked", "#2"), intent="feedback"))
    before = reviewed_turns(rec.tools.log, CATALOG, "c")[-1]
    assert before["update"]["items"] == [{"ref": "#2", "verdict": "liked"}]
    order = {"order": [shown[1], shown[0]]} if decision == "corrected" else {}
    decided(rec, "c", 1, decision, **order)
    after = reviewed_turns(rec.tools.log, CATALOG, "c")
    assert after[-1]["update"]["items"] == [{"ref": CATALOG.label(CATALOG[shown[1]]), "verdict": "liked"}]
    assert belief_from_turns(after, CATALOG).with_verdict("liked") == (shown[1],)


def test_verdicts_by_button_stand_where_they_were_given(rec: Recommender, told: Told) -> None:
    shown = rec.reply("c", crime(told)).items
    rec.feedback("c", 1, shown[0].id, "seen")
    rec.feedback("c", 1, shown[1].id, "clicked")
    rec.reply("c", told.hears("more", intent="refine"))
    decided(rec, "c", 1, "approved")
    turns = reviewed_turns(rec.tools.log, CATALOG, "c")
    assert [turn["user"] for turn in turns] == ["dark crime", "", "more"]
    assert turns[1]["update"]["items"] == [{"ref": shown[0].title, "verdict": "seen"}]


# Scenarios


def saved(rec: Recommender, conversation: str, turn: int) -> Path:
    case: Case = case_of(rec.tools.log, conversation, turn)
    path = save_scenario(rec.settings.home, rec.tools.log, CATALOG, case)
    Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(yaml.safe_load(path.read_text("utf-8")))
    check_against(read(path), CATALOG)
    return path


def test_an_approved_turn_becomes_a_scenario_that_passes(rec: Recommender, told: Told) -> None:
    shown = [item.id for item in rec.reply("c", crime(told)).items]
    rec.feedback("c", 1, shown[1], "seen")
    rec.reply("c", told.hears("newer, and calm", limit("year", "at_least", 1990), wish("moods", "calm")))
    rec.remove("c", "year")
    rec.reply("c", told.hears("not that one", verdict(shown[0], "rejected"), intent="feedback"))
    decided(rec, "c", 4, "approved")
    path = saved(rec, "c", 4)
    script = read(path)
    label = CATALOG.label(CATALOG[shown[0]])
    assert path == rec.settings.home / "scenarios" / "not_that_one.yaml"
    assert [turn.say or turn.feedback or turn.remove for turn in script.scenario.turns][0] == "dark crime"
    assert script.scenario.turns[1].feedback is not None and script.scenario.turns[3].remove is not None
    expect = script.scenario.turns[-1].expect
    assert expect.intent == ("feedback",) and expect.items.excludes == ("turn 1 item 2", label)
    assert [(e.item, e.verdict) for e in expect.belief.items.has] == [(label, "rejected")]
    played = play(script, rec)
    assert played.status == "passed", [(check.expected, check.got) for _, check, _ in played.failures()]
    assert len([check for turn in played.turns for check in turn.checks]) >= 5


def test_a_corrected_turn_becomes_a_scenario_that_fails_until_it_is_understood(rec: Recommender, told: Told) -> None:
    rec.reply("c", told.hears("anything", intent="recommend"))
    shown = [item.id for item in rec.reply("c", crime(told, "no crime, rather space")).items]
    rec.feedback("c", 2, shown[0], "rejected", reason="wrong_item")
    right = {"intent": "refine", "set": [*SPACE["set"], {"attribute": "subjects", "op": "is_not", "value": "crime"}]}
    decided(rec, "c", 2, "corrected", update=right)
    script = read(saved(rec, "c", 2))
    assert play(script, rec).status == "failed"
    wishes = (limit("subjects", "is", "space"), limit("subjects", "is_not", "crime"))
    told.hears("no crime, rather space", *wishes, intent="refine")
    played = play(script, rec)
    assert played.status == "passed", [(check.expected, check.got) for _, check, _ in played.failures()]
    expect = script.scenario.turns[-1].expect
    assert {(e.op, e.value) for e in expect.belief.constraints.lacks} == {("is", "crime")}
    assert {(e.op, e.value) for e in expect.items.all} == {("is", "space"), ("is_not", "crime")}


def test_a_corrected_order_wants_its_first_item_and_none_that_was_taken_off(rec: Recommender, told: Told) -> None:
    shown = [item.id for item in rec.reply("c", crime(told)).items]
    decided(rec, "c", 1, "corrected", order=shown[1:])
    data = yaml.safe_load(saved(rec, "c", 1).read_text("utf-8"))
    items = data["turns"][0]["expect"]["items"]
    assert items["includes"] == [CATALOG.label(CATALOG[shown[1]])]
    assert items["excludes"] == [CATALOG.label(CATALOG[shown[0]])]


def test_what_was_taken_back_must_not_be_there_and_a_false_reason_must_not_come_again(
    rec: Recommender, told: Told
) -> None:
    rec.reply("c", crime(told))
    told.updates["no, the other way"] = BeliefUpdate(intent="refine", drop=(Drop(attribute="subjects", value="crime"),))
    rec.reply("c", "no, the other way")
    rec.feedback("c", 2, verdict="thumbs_down", reason="ungrounded")
    decided(rec, "c", 2, "approved")
    path = saved(rec, "c", 2)
    expect = yaml.safe_load(path.read_text("utf-8"))["turns"][-1]["expect"]
    assert expect["belief"]["constraints"]["lacks"] == [{"attribute": "subjects", "value": "crime"}]
    assert expect["reasons"] == {"grounded": True}
    assert play(read(path), rec).status == "passed"


def test_a_message_that_changes_nothing_must_change_nothing(rec: Recommender, told: Told) -> None:
    rec.reply("c", told.hears("lovely weather", intent="chat"))
    decided(rec, "c", 1, "approved")
    scenario = scenario_of(rec.tools.log, CATALOG, case_of(rec.tools.log, "c", 1))
    assert scenario["turns"] == [{"say": "lovely weather", "expect": {"intent": "chat", "update": {"nothing": True}}}]


def test_a_scenario_is_never_overwritten_and_the_same_one_is_written_once(rec: Recommender, told: Told) -> None:
    text = "Crème ../../etc/passwd: dark crime"
    rec.reply("c", crime(told, text))
    decided(rec, "c", 1, "approved")
    first = saved(rec, "c", 1)
    assert first.name == "creme_etc_passwd_dark_crime.yaml" and first.parent == rec.settings.home / "scenarios"
    assert saved(rec, "c", 1) == first
    rec.reply("d", text)
    decided(rec, "d", 1, "corrected", update=SPACE)
    second = saved(rec, "d", 1)
    assert second.name == "creme_etc_passwd_dark_crime_2.yaml"
    assert len(read_all([first.parent])) == 2
    assert written_of(rec.settings.home, "c") == [first] and written_of(rec.settings.home, "e") == []
    rec.delete("c")
    assert not first.exists() and second.exists()


@pytest.mark.parametrize("decision", [None, "rejected"])
def test_there_is_no_scenario_of_what_nobody_found_right(rec: Recommender, told: Told, decision: str | None) -> None:
    rec.reply("c", crime(told))
    if decision:
        decided(rec, "c", 1, decision)
    with pytest.raises(ValueError, match="approve the turn or save a correction"):
        save_scenario(rec.settings.home, rec.tools.log, CATALOG, case_of(rec.tools.log, "c", 1))
    assert not (rec.settings.home / "scenarios").exists()
