"""What lasts beyond a conversation: which words teach it, how it is merged, and whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_world import CATALOG, Told, limit, open_world, verdict, wish

from agent.belief import ITEMS, BeliefState, BeliefUpdate, Drop, apply
from agent.graph import open_store
from agent.llm import ScriptedLanguageModel
from agent.profile import LASTING, SLOTS, ProfileEntry, Source, informed, lasting, merged
from agent.profile_store import ProfileStore
from agent.recommender import LONGEST_NAME, Recommender

HERE = Source("c", 1, "2026-01-01T00:00:00.000+00:00")


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def rec(tmp_path: Path, told: Told) -> Iterator[Recommender]:
    recommender = open_world(tmp_path / "home", told)
    yield recommender
    recommender.close()


def known(rec: Recommender, user: str) -> list[tuple[str, Any]]:
    return [(entry["kind"], entry["value"]) for entry in rec.profile(user)["entries"]]


# What lasts


@pytest.mark.parametrize(
    ("text", "words", "against", "lasts"),
    [
        ("I hate crime", "crime", True, True),
        ("I really can't stand crime, something calm please", "crime", True, True),
        ("I can’t stand crime", "crime", True, True),
        ("never read crime", "crime", True, True),
        ("I hate cooking, music and crime", "crime", True, True),
        ("I don't like crime", "crime", True, True),
        ("I love crime", "crime", False, True),
        ("I've always loved crime. Something short please", "crime", False, True),
        ("no crime", "crime", True, False),
        ("I hate crime tonight", "crime", True, False),
        ("something calm, no crime", "crime", True, False),
        ("my sister hates crime", "crime", True, False),
        ("I'd love crime", "crime", False, False),
        ("I would love some crime", "crime", False, False),
        ("I love music, show me crime", "crime", False, False),
        ("crime please", "crime", False, False),
        ("I never get tired of crime", "crime", False, False),
        ("I hate travel. crime please", "crime", False, False),
        ("I love music but hate crime", "crime", True, True),
        ("I hate music and really love crime", "crime", False, True),
        ("hate crime, love music", "crime", True, True),
        ("I always avoid crime", "crime", True, True),
        ("i dont like so much music, i do not like crime", "crime", True, True),
        ("Avoid crime please", "crime", True, False),
        ("My kids love music but hate crime", "crime", True, False),
        ("my wife would really love crime", "crime", False, False),
        ("she and I want music but no crime", "crime", True, False),
        ("he hates music and loves crime", "crime", False, False),
        ("my friends hate music and also love crime", "crime", False, False),
        ("I want music and avoid crime", "crime", True, False),
        ("i dont like crime", "crime", True, True),
        ("i cant stand crime", "crime", True, True),
        ("I am not a fan of crime", "crime", True, True),
        ("i am a big fan of crime", "crime", False, True),
        ("I like always crime", "crime", False, True),
        ("I never watch anything with crime", "crime", True, True),
        ("never crime please", "crime", True, False),
        ("I never said I hate crime", "crime", True, False),
        ("if i love crime what should i read", "crime", False, False),
        ("do I love crime", "crime", False, False),
        ("I hate when friends pick crime", "crime", True, False),
    ],
)
def test_a_taste_lasts_only_where_the_speaker_says_that_it_is_one(
    text: str, words: str, against: bool, lasts: bool
) -> None:
    said = limit("subjects", "is_not", "crime", words) if against else wish("subjects", "crime", words=words)
    update = BeliefUpdate(set=(said,)) if against else BeliefUpdate(prefer=(said,))  # type: ignore[arg-type]
    found = [(one.kind, one.value) for one in lasting(update, text, (), HERE)]
    assert found == ([("disliked" if against else "liked", "crime")] if lasts else [])


def test_an_entry_holds_the_sentence_it_came_from_and_where_it_was_said() -> None:
    update = BeliefUpdate(set=(limit("subjects", "is_not", "crime", "crime"),))
    (entry,) = lasting(update, "Hello. I hate crime! Something calm?", (), HERE)
    assert (entry.words, entry.conversation, entry.turn, entry.at) == ("I hate crime", "c", 1, HERE.at)


def test_verdicts_that_last_are_about_the_item_and_not_about_the_moment() -> None:
    kinds = ("liked", "disliked", "seen", "accepted", "rejected", "like_this", "unlike_this")
    update = BeliefUpdate(items=tuple(verdict(f"b{place:02d}", kind) for place, kind in enumerate(kinds)))
    found = [(one.value, one.kind) for one in lasting(update, "", (), HERE)]
    assert found == [("b00", "liked"), ("b01", "disliked"), ("b02", "seen"), ("b03", "accepted")]


def test_an_entry_on_an_item_holds_the_sentence_that_named_it() -> None:
    update = BeliefUpdate(items=(verdict("b00", "seen").model_copy(update={"words": "the first"}),))
    (entry,) = lasting(update, "Thanks! I know the first, what else?", (), HERE)
    assert entry.words == "I know the first, what else"
    (click,) = lasting(update.model_copy(update={"items": (verdict("b00", "seen"),)}), "", (), HERE)
    assert click.words == ""


def test_a_bound_is_never_a_taste() -> None:
    update = BeliefUpdate(set=(limit("year", "at_least", 1990, "1990"),))
    assert lasting(update, "I love 1990", (), HERE) == ()


# Merging

entries = st.lists(
    st.builds(
        ProfileEntry,
        kind=st.sampled_from(sorted(SLOTS)),
        attribute=st.sampled_from((ITEMS, "subjects")),
        value=st.sampled_from(("b00", "b01", "crime")),
        withdrawn=st.booleans(),
        conversation=st.sampled_from(("a", "b", "")),
        turn=st.integers(1, 3),
        at=st.sampled_from([f"2026-01-0{day}" for day in range(1, 6)]),
    ),
    max_size=12,
)


@given(entries, st.randoms())
def test_merging_ignores_the_order_and_leaves_one_entry_a_subject(found: list[ProfileEntry], chance: Any) -> None:
    mixed = list(found)
    chance.shuffle(mixed)
    stands = merged(found)
    assert merged(mixed) == stands and merged((*found, *stands)) == stands and merged((*found, *found)) == stands
    assert len({entry.subject for entry in stands}) == len(stands)
    assert not any(entry.withdrawn for entry in stands)


@given(entries, entries)
def test_taking_a_conversation_back_leaves_what_would_stand_without_it(
    found: list[ProfileEntry], more: list[ProfileEntry]
) -> None:
    later = [entry.model_copy(update={"conversation": "later", "at": "2027"}) for entry in more]
    assert merged(e for e in (*found, *later) if e.conversation != "later") == merged(found)
    overruled = {entry.subject for entry in later}
    assert {e.subject for e in merged((*found, *later))} <= {e.subject for e in merged(found)} | overruled


@given(entries)
def test_a_profile_adds_nothing_about_what_the_conversation_speaks_of(found: list[ProfileEntry]) -> None:
    update = BeliefUpdate(items=(verdict("b00", "rejected"),), prefer=(wish("subjects", "crime"),))
    said = apply(BeliefState(), update)
    both, used = informed(said, merged(found), CATALOG)
    assert [entry for entry in both.items if entry.item_id == "b00"] == list(said.items)
    assert both.preferences[-1:] == said.preferences and both.excluded() >= said.excluded()
    assert all(entry.turn == 0 for entry in (*both.items, *both.preferences) if entry not in said.items + said.wishes)
    assert len(both.items) + len(both.preferences) == len(said.items) + len(said.preferences) + len(used)


def test_every_lasting_verdict_has_a_slot() -> None:
    assert {kind for kind, _ in LASTING.values()} == set(SLOTS)


# Over conversations


def test_a_later_conversation_shows_nothing_that_was_seen_and_says_where_it_knows_it_from(
    rec: Recommender, told: Told
) -> None:
    first = rec.reply("one", told.hears("crime", limit("subjects", "is", "crime", "crime")), user="ada")
    seen = first.items[0].id
    rec.reply("one", told.hears("seen it", verdict(seen, "seen")), user="ada")
    later = rec.reply("two", "crime", user="ada")
    assert later.items and seen not in {item.id for item in later.items}
    (used,) = later.profile
    assert (used["kind"], used["value"], used["conversation"], used["turn"]) == ("seen", seen, "one", 2)
    assert later.belief["items"] == [] and later.as_dict()["profile"] == (used,)
    assert first.profile == () and "crime" not in [value for _, value in known(rec, "ada")]
    assert seen == rec.reply("three", "crime").items[0].id


def test_a_lasting_dislike_counts_softly_and_words_of_today_win(rec: Recommender, told: Told) -> None:
    hate = told.hears("I hate crime", limit("subjects", "is_not", "crime", "crime"))
    rec.reply("one", hate, user="ada")
    calm = told.hears("calm", wish("moods", "calm", words="calm"))
    for item in rec.reply("two", calm, user="ada").items:
        assert "crime" not in CATALOG[item.id].values("subjects")
    only = told.hears("crime", limit("subjects", "is", "crime", "crime"))
    reply = rec.reply("three", only, user="ada")
    assert len(reply.items) == 4 and reply.profile == ()
    assert known(rec, "ada") == [("disliked", "crime")]


def test_what_was_liked_is_history_until_the_conversation_names_an_example(rec: Recommender, told: Told) -> None:
    rec.reply("one", told.hears("loved it", verdict("b07", "liked")), user="ada")
    rec.reply("two", told.hears("anything"), user="ada")
    asked: Any = rec.tools.retriever
    assert asked.queries[-1].history == ("b07",) and not asked.queries[-1].like
    assert "b07" in asked.queries[-1].exclude
    rec.reply("two", told.hears("like that", verdict("b09", "like_this")), user="ada")
    assert asked.queries[-1].like == ("b09",) and not asked.queries[-1].history
    assert "b07" in asked.queries[-1].exclude


def test_a_list_that_rests_on_the_profile_says_so(rec: Recommender, told: Told) -> None:
    rec.reply("one", told.hears("I loved that one.", verdict("b07", "liked", "that one")), user="ada")
    title, hello = CATALOG.label(CATALOG["b07"]), told.hears("what do you have", intent="recommend")
    reply = rec.reply("two", hello, user="ada")
    assert "that go with what you told me before." in reply.text
    assert [one["title"] for one in reply.profile] == [title]
    assert title not in str(rec.export("two")), "what is forgotten later is in no other conversation"
    assert "told me before" not in rec.reply("three", hello).text
    crime = told.hears("crime", wish("subjects", "crime"), intent="recommend")
    assert "told me before" not in rec.reply("four", crime, user="ada").text


def test_a_turn_that_breaks_teaches_nothing_and_leaves_nothing_of_the_profile(tmp_path: Path, told: Told) -> None:
    class Broken(ScriptedLanguageModel):
        def write(self, *args: object, **more: object) -> Iterator[tuple[int, str]]:  # type: ignore[override]
            raise RuntimeError("the model broke")

        adapter_id = "broken"

    rec = open_world(tmp_path, told)
    rec.reply("one", told.hears("I hate crime", limit("subjects", "is_not", "crime", "crime")), user="ada")
    rec.close()
    rec = open_world(tmp_path, told, Broken())
    with pytest.raises(RuntimeError, match="the model broke"):
        rec.reply("two", told.hears("seen", wish("moods", "calm"), verdict("b07", "seen")), user="ada")
    assert known(rec, "ada") == [("disliked", "crime")]
    assert "I hate crime" not in str(rec._memory.state("two"))
    rec.close()


def test_what_is_looked_up_by_name_is_found_although_it_was_seen(rec: Recommender, told: Told) -> None:
    rec.reply("one", told.hears("seen", verdict("b07", "seen")), user="ada")
    found = rec.reply("two", told.hears("find it", intent="search", targets=("b07",)), user="ada")
    assert [item.id for item in found.items] == ["b07"]


NAMES = [("ada", "Ada"), ("ada", "ada.b"), ("a", "a\x1fb"), ("%", "ada"), ("_", "a")]


@pytest.mark.parametrize(("one", "other"), NAMES)
def test_profiles_are_never_mixed_between_users(rec: Recommender, told: Told, one: str, other: str) -> None:
    rec.reply("c1", told.hears("liked", verdict("b07", "liked")), user=one)
    rec.reply("c2", told.hears("seen", verdict("b09", "seen")), user=other)
    assert known(rec, one) == [("liked", "b07")] and known(rec, other) == [("seen", "b09")]
    assert rec.reply("c3", "hello", user="somebody else").profile == ()
    rec.forget(one)
    assert known(rec, one) == [] and known(rec, other) == [("seen", "b09")]


def test_a_profile_survives_a_restart(tmp_path: Path, told: Told) -> None:
    rec = open_world(tmp_path, told)
    rec.reply("one", told.hears("seen", verdict("b00", "seen")), user="ada")
    before = rec.profile("ada")
    rec.close()
    rec = open_world(tmp_path, told)
    assert rec.profile("ada") == before and known(rec, "ada") == [("seen", "b00")]
    rec.close()


def test_without_a_user_or_with_the_setting_off_nothing_is_read_or_written(tmp_path: Path, told: Told) -> None:
    rec = open_world(tmp_path, told)
    liked = told.hears("liked", verdict("b07", "liked"))
    rec.reply("one", liked)
    assert known(rec, "ada") == []
    rec.reply("two", liked, user="ada")
    rec.close()
    rec = open_world(tmp_path, told, profile=False)
    rec.reply("three", told.hears("seen", verdict("b09", "seen")), user="ada")
    reply = rec.reply("four", "hello", user="ada")
    rec.feedback("four", reply.turn, reply.items[0].id, "liked", user="ada")
    assert reply.profile == () and not rec.profile("ada")["on"] and known(rec, "ada") == [("liked", "b07")]
    rec.close()


def test_a_user_can_turn_the_profile_off_and_on_again(rec: Recommender, told: Told) -> None:
    liked = told.hears("liked", verdict("b07", "liked"))
    rec.reply("one", liked, user="ada")
    assert rec.remember("ada", False)["on"] is False
    assert rec.reply("two", told.hears("seen", verdict("b09", "seen")), user="ada").profile == ()
    assert known(rec, "ada") == [("liked", "b07")]
    rec.reply("three", liked, user="bo")
    assert known(rec, "bo") == [("liked", "b07")] and rec.profile("bo")["on"]
    assert rec.remember("ada", True)["on"] is True
    assert [entry["value"] for entry in rec.reply("four", "hello", user="ada").profile] == ["b07"]


def test_a_click_teaches_and_undo_takes_it_back_with_the_turn(rec: Recommender, told: Told) -> None:
    rec.reply("one", told.hears("disliked", verdict("b07", "disliked")), user="ada")
    reply = rec.reply("two", "hello", user="ada")
    rec.feedback("two", reply.turn, reply.items[0].id, "thumbs_up", user="ada")
    assert known(rec, "ada")[1:] == [("liked", reply.items[0].id)]
    rec.undo("two")
    assert known(rec, "ada") == [("disliked", "b07")]


def test_what_a_turn_overruled_stands_again_after_undo_or_deletion(rec: Recommender, told: Told) -> None:
    rec.reply("one", told.hears("disliked", verdict("b07", "disliked")), user="ada")
    liked = told.hears("liked", verdict("b07", "liked"))
    rec.reply("two", liked, user="ada")
    assert known(rec, "ada") == [("liked", "b07")]
    rec.undo("two")
    assert known(rec, "ada") == [("disliked", "b07")]
    rec.reply("two", liked, user="ada")
    rec.delete("two")
    assert known(rec, "ada") == [("disliked", "b07")]
    rec.delete("one")
    assert known(rec, "ada") == []


def test_what_a_conversation_taught_it_can_take_back_and_undo_brings_it_back(rec: Recommender, told: Told) -> None:
    rec.reply("one", told.hears("I hate crime", limit("subjects", "is_not", "crime", "crime")), user="ada")
    rec.remove("one", "subjects", "crime", user="ada")
    assert known(rec, "ada") == []
    rec.undo("one")
    assert known(rec, "ada") == [("disliked", "crime")]
    rec.reply("two", told.hears("drop it", Drop(attribute="subjects", value="crime")), user="ada")
    assert known(rec, "ada") == [("disliked", "crime")]


def test_an_entry_is_corrected_or_removed_by_its_key_and_its_words_are_gone_from_the_file(
    tmp_path: Path, told: Told
) -> None:
    rec = open_world(tmp_path, told)
    rec.reply("one", told.hears("I hate crime", limit("subjects", "is_not", "crime", "crime")), user="ada")
    rec.reply("one", told.hears("seen", verdict("b07", "seen")), user="ada")
    key = rec.profile("ada")["entries"][0]["key"]
    (_, edited) = rec.edit("ada", key, "liked")["entries"]
    assert (edited["kind"], edited["value"], edited["conversation"], edited["words"]) == ("liked", "crime", "", "")
    with pytest.raises(ValueError, match="liked or disliked"):
        rec.edit("ada", key, "seen")
    assert [entry["value"] for entry in rec.forget("ada", key)["entries"]] == ["b07"]
    for change in (lambda: rec.forget("ada", key), lambda: rec.edit("ada", key, "liked")):
        with pytest.raises(ValueError, match="has no entry"):
            change()
    rec.forget("ada")
    rec.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("profiles.sqlite*"))
    assert b"crime" not in kept and b"b07" not in kept


def test_a_checkpoint_holds_nothing_of_a_profile(tmp_path: Path, told: Told) -> None:
    rec = open_world(tmp_path, told)
    rec.reply("one", told.hears("I hate crime", limit("subjects", "is_not", "crime", "crime")), user="ada")
    rec.reply("two", "hello", user="ada")
    assert "I hate crime" not in str(rec._memory.state("two"))
    rec.delete("one")
    rec.close()
    assert b"I hate crime" not in b"".join(path.read_bytes() for path in tmp_path.glob("checkpoints.sqlite*"))


@pytest.mark.parametrize("user", ["", "x" * (LONGEST_NAME + 1), 7])
def test_a_profile_belongs_to_a_name(rec: Recommender, user: Any) -> None:
    for ask in (rec.profile, rec.forget, lambda name: rec.remember(name, False)):
        with pytest.raises(ValueError, match="a user's name has 1 to"):
            ask(user)


def test_a_long_profile_is_read_whole(tmp_path: Path) -> None:
    store = open_store(tmp_path / "profiles.sqlite")
    profiles = ProfileStore(store)
    many = [
        ProfileEntry(kind="seen", attribute=ITEMS, value=f"i{n}", conversation="c", turn=n, at=f"{n:05d}")
        for n in range(1203)
    ]
    profiles.add("ada", many)
    assert profiles.read("ada") == tuple(many)
    assert profiles.forget_conversation("c", since=1200) == 3 and len(profiles.read("ada")) == 1200
    store.conn.close()
