"""Laws of `apply`, for every sequence of updates: later wins, drops undo sets, independent operations commute."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from small_world import limit

from agent.belief import (
    ITEMS,
    NEVER_AGAIN,
    BeliefState,
    BeliefUpdate,
    Drop,
    ItemVerdict,
    Limit,
    Preference,
    Shown,
    apply,
    same,
)

Operation = Limit | Preference | Drop | ItemVerdict
WORDS = ("dark", "Dark", "funny", "crime")
VERDICTS = ("liked", "disliked", "seen", "rejected", "accepted", "like_this", "unlike_this")


def limits(facets: Sequence[str], numbers: Sequence[str]) -> SearchStrategy[Limit]:
    words = st.builds(
        Limit, attribute=st.sampled_from(facets), op=st.sampled_from(["is", "is_not", "contains"]),
        value=st.sampled_from(WORDS),
    )  # fmt: skip
    bounds = st.builds(
        Limit, attribute=st.sampled_from(numbers), op=st.sampled_from(["at_least", "at_most", "is"]),
        value=st.integers(1, 6),
    )  # fmt: skip
    return words | bounds


def wishes(facets: Sequence[str], numbers: Sequence[str]) -> SearchStrategy[Preference]:
    than = st.lists(st.sampled_from(["b02", "b03"]), max_size=2, unique=True).map(tuple)
    signs = st.sampled_from([1.0, -1.0])
    return st.one_of(
        st.builds(Preference, attribute=st.sampled_from(facets), value=st.sampled_from(WORDS), weight=signs, than=than),
        st.builds(Preference, attribute=st.sampled_from(numbers), value=st.just("low"), weight=signs, than=than),
    )


def verdicts(items: Sequence[str]) -> SearchStrategy[ItemVerdict]:
    return st.builds(ItemVerdict, ref=st.just("x"), item_id=st.sampled_from(items), verdict=st.sampled_from(VERDICTS))


def drops(facets: Sequence[str], numbers: Sequence[str], items: Sequence[str]) -> SearchStrategy[Drop]:
    return st.one_of(
        st.builds(Drop, attribute=st.sampled_from(facets), value=st.none() | st.sampled_from(WORDS)),
        st.builds(Drop, attribute=st.sampled_from(numbers), value=st.none() | st.integers(1, 6)),
        st.builds(Drop, attribute=st.just(ITEMS), value=st.sampled_from(items)),
    )


def updates(
    facets: Sequence[str] = ("subjects", "moods"),
    numbers: Sequence[str] = ("year", "length"),
    items: Sequence[str] = ("b00", "b01"),
    intents: Sequence[str] = ("recommend", "refine", "restart"),
) -> SearchStrategy[BeliefUpdate]:
    return st.builds(
        BeliefUpdate,
        intent=st.sampled_from(intents),
        set=st.lists(limits(facets, numbers), max_size=3).map(tuple),
        prefer=st.lists(wishes(facets, numbers), max_size=3).map(tuple),
        drop=st.lists(drops(facets, numbers, items), max_size=2).map(tuple),
        items=st.lists(verdicts(items), max_size=3).map(tuple),
    )


DIALOGUES = st.lists(updates(), max_size=6)
FEW = settings(max_examples=120, deadline=None)


def beliefs_of(said: Sequence[BeliefUpdate]) -> list[BeliefState]:
    """Return the belief before anything was said, and after each update."""
    found = [BeliefState()]
    for update in said:
        found.append(apply(found[-1], update))
    return found


def held(belief: BeliefState) -> set[str]:
    """Return what is believed, without order, turns and intent."""
    entries = (*belief.constraints, *belief.preferences, *belief.items)
    return {f"{type(entry).__name__} {entry.model_dump_json(exclude={'turn'})}" for entry in entries}


def in_order(belief: BeliefState) -> tuple[object, ...]:
    """Return what is believed in the order in which it was said."""
    return belief.constraints, belief.preferences, belief.items


@given(DIALOGUES, updates())
@FEW
def test_apply_changes_neither_the_belief_nor_the_update(said: list[BeliefUpdate], update: BeliefUpdate) -> None:
    belief = beliefs_of(said)[-1]
    before = belief.model_dump_json(), update.model_dump_json()
    first, second = apply(belief, update), apply(belief, update)
    assert first == second and first.turn == len(said) + 1
    assert (belief.model_dump_json(), update.model_dump_json()) == before


@given(DIALOGUES, limits(("subjects", "moods"), ("year", "length")) | wishes(("subjects", "moods"), ("year",)))
@FEW
def test_what_is_said_last_holds(said: list[BeliefUpdate], last: Limit | Preference) -> None:
    update = BeliefUpdate(set=(last,)) if isinstance(last, Limit) else BeliefUpdate(prefer=(last,))
    belief = apply(beliefs_of(said)[-1], update)
    assert last in [entry.model_copy(update={"turn": 0}) for entry in belief.wishes]


@given(DIALOGUES, verdicts(("b00", "b01")))
@FEW
def test_the_last_verdict_on_an_item_holds(said: list[BeliefUpdate], last: ItemVerdict) -> None:
    belief = apply(beliefs_of(said)[-1], BeliefUpdate(items=(last,)))
    assert last.item_id in belief.with_verdict(last.verdict)
    assert (last.item_id in belief.excluded()) >= (last.verdict in NEVER_AGAIN)


@given(st.integers(1, 6), st.integers(1, 6), st.booleans())
def test_a_new_bound_leaves_the_other_one_unless_they_cross(first: int, second: int, lower_first: bool) -> None:
    ops = ("at_least", "at_most") if lower_first else ("at_most", "at_least")
    belief = apply(BeliefState(), BeliefUpdate(set=(limit("year", ops[0], first),)))
    belief = apply(belief, BeliefUpdate(set=(limit("year", ops[1], second),)))
    low, high = (first, second) if lower_first else (second, first)
    kept = [(ops[0], first)] if low <= high else []
    assert [(entry.op, entry.value) for entry in belief.constraints] == [*kept, (ops[1], second)]


@given(DIALOGUES, limits(("subjects", "moods"), ("year", "length")))
@FEW
def test_a_drop_undoes_a_set_and_touches_nothing_else(said: list[BeliefUpdate], new: Limit) -> None:
    before = beliefs_of(said)[-1]
    there = apply(before, BeliefUpdate(set=(new,)))
    back = apply(there, BeliefUpdate(drop=(Drop(attribute=new.attribute, value=new.value),)))
    about = [entry for entry in back.wishes if entry.attribute == new.attribute and same(entry.value, new.value)]
    assert not about
    assert held(back) <= held(before)
    if not any(entry.attribute == new.attribute for entry in before.wishes):
        assert in_order(back) == in_order(before)


@given(DIALOGUES, wishes(("subjects", "moods"), ("year", "length")))
@FEW
def test_a_drop_undoes_a_wish_whatever_it_was_compared_with(said: list[BeliefUpdate], new: Preference) -> None:
    before = beliefs_of(said)[-1]
    there = apply(before, BeliefUpdate(prefer=(new,)))
    back = apply(there, BeliefUpdate(drop=(Drop(attribute=new.attribute, value=new.value),)))
    assert held(back) <= held(before)
    if not any(entry.attribute == new.attribute for entry in before.wishes):
        assert in_order(back) == in_order(before)


@given(
    DIALOGUES,
    updates(("subjects",), ("year",), ("b00",), ("recommend", "refine")),
    updates(("moods",), ("length",), ("b01",), ("recommend", "refine")),
)
@FEW
def test_updates_about_different_things_commute(
    said: list[BeliefUpdate], left: BeliefUpdate, right: BeliefUpdate
) -> None:
    belief = beliefs_of(said)[-1]
    assert held(apply(apply(belief, left), right)) == held(apply(apply(belief, right), left))
    together = BeliefUpdate(
        set=left.set + right.set,
        prefer=left.prefer + right.prefer,
        drop=left.drop + right.drop,
        items=left.items + right.items,
    )
    assert held(apply(belief, together)) == held(apply(apply(belief, left), right))


def subject(operation: Operation) -> str:
    """Return what an operation is about: operations on different subjects are independent."""
    if isinstance(operation, ItemVerdict):
        return f"{ITEMS} {operation.item_id}"
    return operation.attribute if operation.attribute != ITEMS else f"{ITEMS} {getattr(operation, 'value', '')}"


@st.composite
def shuffled(draw: DrawFn) -> tuple[BeliefUpdate, BeliefUpdate]:
    """Draw operations on different subjects as an update, in two orders."""
    facets, numbers, items = ("subjects", "moods"), ("year", "length"), ("b00", "b01")
    operations: list[Operation] = draw(
        st.lists(
            st.one_of(limits(facets, numbers), wishes(facets, numbers), drops(facets, numbers, items), verdicts(items)),
            max_size=6,
            unique_by=subject,
        )
    )
    return update_of(operations), update_of(draw(st.permutations(operations)))


def update_of(operations: Sequence[Operation]) -> BeliefUpdate:
    return BeliefUpdate(
        set=tuple(one for one in operations if isinstance(one, Limit)),
        prefer=tuple(one for one in operations if isinstance(one, Preference)),
        drop=tuple(one for one in operations if isinstance(one, Drop)),
        items=tuple(one for one in operations if isinstance(one, ItemVerdict)),
    )


@given(DIALOGUES, shuffled())
@FEW
def test_the_order_of_independent_operations_in_an_update_is_irrelevant(
    said: list[BeliefUpdate], orders: tuple[BeliefUpdate, BeliefUpdate]
) -> None:
    belief = beliefs_of(said)[-1]
    assert held(apply(belief, orders[0])) == held(apply(belief, orders[1]))


@given(st.lists(updates(), min_size=1, max_size=6))
@FEW
def test_undo_restores_every_earlier_belief(said: list[BeliefUpdate]) -> None:
    beliefs = beliefs_of(said)
    for taken_back in range(1, len(said) + 1):
        read = [BeliefUpdate.model_validate_json(update.model_dump_json()) for update in said[:-taken_back]]
        assert beliefs_of(read)[-1] == beliefs[-1 - taken_back]


@given(DIALOGUES, updates(intents=("restart",)))
@FEW
def test_a_restart_keeps_the_verdicts_after_which_nothing_is_shown_again(
    said: list[BeliefUpdate], restart: BeliefUpdate
) -> None:
    before = beliefs_of(said)[-1].after_reply((Shown(item_id="b00", title="T", position=1, turn=1),), None)
    after = apply(before, restart)
    spoken_of = {entry.item_id for entry in restart.items} | {drop.value for drop in restart.drop}
    assert before.excluded() - spoken_of <= after.excluded()
    assert after.shown == before.shown
    new = {entry.model_copy(update={"turn": after.turn}) for entry in (*restart.set, *restart.prefer)}
    assert set(after.wishes) <= new, "nothing that was wished before"


def test_a_wish_compared_with_other_items_replaces_the_earlier_one() -> None:
    belief = BeliefState()
    for than in (("b01",), ("b02", "b03")):
        wish = Preference(attribute="year", value="older", than=than)
        belief = apply(belief, BeliefUpdate(prefer=(wish,)))
    assert [entry.than for entry in belief.preferences] == [("b02", "b03")]


def test_a_belief_that_was_saved_before_wishes_were_compared_still_opens() -> None:
    saved = '{"intent": "refine", "preferences": [{"attribute": "year", "value": "older", "weight": 1, "turn": 2}]}'
    assert BeliefState.model_validate_json(saved).preferences[0].than == ()
