"""What dialogues amount to, and the command that has them: golden values over wines."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from agent.reply import Recommendation, Reply
from evals import __main__ as cli
from evals.simulation import commands
from evals.simulation.dialogue import converse
from evals.simulation.facts import value_fact
from evals.simulation.floors import Popular, Random
from evals.simulation.measures import asked_again, diversity, exposed, gini, measure, novelty, of_dialogue, understood
from evals.simulation.user import Dialogue, Exchange, Fact, Heard, Move, User
from evals.unfinished import Unfinished
from retrieval.catalog import Catalog, Item
from retrieval.constraints import Constraint

MOSEL = value_fact("region", "Mosel", hard=True)
OLD = Fact(rules=(Constraint(attribute="vintage", op="at_most", value=2010),), hard=True)
EYE = np.eye(12, dtype=np.float32)


class Menu:
    """A recommender that shows what is on its list, turn by turn, and notes what it is told."""

    def __init__(self, catalog: Catalog, *lists: tuple[str, ...]) -> None:
        self.catalog, self.lists, self.turn = catalog, lists, 0
        self.clicks: list[tuple[int, str | None, str]] = []

    def reply(self, conversation: str, text: str) -> Reply:
        self.turn += 1
        items = self.lists[min(self.turn, len(self.lists)) - 1]
        cards = tuple(Recommendation(item, item, "", rank, 1.0) for rank, item in enumerate(items, start=1))
        return Reply(conversation, self.turn, "Here.", cards, action="recommend", done=True)

    def feedback(self, conversation: str, turn: int, item_id: str | None = None, *, verdict: str) -> Any:
        self.clicks.append((turn, item_id, verdict))


USER = User("one", "Stone Terrace", frozenset({"stone-terrace"}), (MOSEL,))


def dialogue(*slates: tuple[str, ...], facts: Any = (MOSEL,), end: Any = "left", asked: str | None = None) -> Dialogue:
    moves = [Move(text="", kind="open", facts=facts)] + [Move(text="", kind="more")] * (len(slates) - 1)
    question = "Any?" if asked else None
    return Dialogue(
        system="ours", user="one", end=end,
        exchanges=tuple(
            Exchange(move=move, heard=Heard(turn=n, text="", items=slate, asked=asked, question=question))
            for n, (move, slate) in enumerate(zip(moves, slates, strict=True), start=1)
        ),
    )  # fmt: skip


def test_a_dialogue_ends_when_the_target_is_shown(wines: Catalog) -> None:
    menu = Menu(wines, ("slate-garden",), ("stone-terrace", "red-hill"))
    found = converse(USER, menu, system="ours", turns=5, seed=0)
    assert (found.end, found.accepted, len(found.exchanges)) == ("accepted", "stone-terrace", 2)
    assert menu.clicks == [(2, "stone-terrace", "accepted")]


def test_a_user_leaves_when_the_patience_is_used_up(wines: Catalog) -> None:
    repeats = converse(USER, Menu(wines, ("slate-garden",)), system="ours", turns=6, seed=0)
    assert repeats.end == "left"
    assert len(repeats.exchanges) < 6
    patient = converse(USER, Menu(wines, ("slate-garden",), ()), system="ours", turns=3, seed=0)
    assert (patient.end, len(patient.exchanges)) == ("out of turns", 3)


def test_the_same_seed_gives_the_same_dialogue(wines: Catalog) -> None:
    one, two = (converse(USER, Random(wines, 2, 0), system="r", turns=4, seed=5) for _ in range(2))
    assert one == two
    other = converse(USER, Random(wines, 2, 0), system="r", turns=4, seed=6)
    assert [e.move.text for e in other.exchanges] != [e.move.text for e in one.exchanges]


def test_success_turns_and_reward(wines: Catalog) -> None:
    values = of_dialogue(dialogue(("slate-garden",), ("stone-terrace",), end="accepted"), wines, 3, EYE)
    assert [values[f"success@{k}"] for k in (1, 2, 3)] == [0, 1, 1]
    assert (values["turns to accept"], values["reward"]) == (2, 0.5)
    failed = of_dialogue(dialogue(("slate-garden",), ("red-hill",)), wines, 3, EYE)
    assert failed["turns to accept"] is None
    assert (failed["success@3"], failed["reward"]) == (0, 0)


def test_violations_and_repeats_are_shares_of_what_was_shown(wines: Catalog) -> None:
    values = of_dialogue(dialogue(("slate-garden", "red-hill"), ("red-hill", "stone-terrace")), wines, 2, EYE)
    assert values["violations"] == 0.5
    assert values["repeats"] == 0.25
    nothing = of_dialogue(dialogue(()), wines, 2, EYE)
    assert nothing["violations"] is None
    assert nothing["novelty"] is None


def test_a_question_about_what_was_said_counts_as_asked_again() -> None:
    assert asked_again(dialogue(("red-hill",), asked="region").exchanges)
    assert not asked_again(dialogue(("red-hill",), asked="grapes").exchanges)


def test_understood_is_what_is_believed_afterwards_in_the_same_words() -> None:
    def share(*believed: Constraint) -> list[bool]:
        heard = Heard(turn=1, text="", items=(), believed=believed)
        return list(understood(Exchange(move=Move(text="", kind="open", facts=(MOSEL, OLD)), heard=heard)))

    assert share() == [False, False]
    assert share(Constraint(attribute="makers", op="is", value="mosel")) == [True, False]
    assert share(Constraint(attribute="region", op="is_not", value="Mosel")) == [False, False]
    assert share(Constraint(attribute="vintage", op="at_most", value=2009)) == [False, True]
    assert share(Constraint(attribute="vintage", op="at_least", value=2010)) == [False, False]
    nobody = Heard(turn=1, text="", items=())
    assert not list(understood(Exchange(move=Move(text="", kind="open", facts=(MOSEL,)), heard=nobody)))


def test_diversity_is_one_less_the_mean_cosine_of_the_pairs(wines: Catalog) -> None:
    vectors = EYE.copy()
    vectors[1] = vectors[0]
    first, second, third = (item.id for item in wines.items[:3])
    assert diversity([first, second], wines, vectors) == pytest.approx(0)
    assert diversity([first, second, third], wines, vectors) == pytest.approx(2 / 3)
    assert diversity([first], wines, vectors) is None


def test_novelty_is_the_mean_self_information(wines: Catalog) -> None:
    total = sum(1 - place / 12 for place in range(12))
    first, last = wines.items[0].id, wines.items[-1].id
    assert novelty([first], wines) == pytest.approx(math.log2(total))
    assert novelty([first, last], wines) == pytest.approx((math.log2(total) + math.log2(total * 12)) / 2)
    unknown = Catalog(wines.schema, (Item("x", "X", "", {}),))
    assert novelty(["x"], unknown) is None


@pytest.mark.parametrize(
    ("counts", "value"), [([1, 1, 1, 1], 0), ([0, 0, 0, 4], 0.75), ([1, 3], 0.25), ([0, 0], None), ([5], 0)]
)
def test_gini_has_its_known_values(counts: list[int], value: float | None) -> None:
    assert gini(counts) == (value if value is None else pytest.approx(value))


def test_exposure_counts_over_all_dialogues(wines: Catalog) -> None:
    found = exposed([dialogue(("stone-terrace", "green-gate")), dialogue(("stone-terrace",))], wines)
    assert (found["shown"], found["distinct items"]) == (3, 2)
    assert found["long tail"] == pytest.approx(1 / 3)
    assert exposed([dialogue(())], wines)["gini"] is None


def test_the_result_holds_every_user_of_every_system(wines: Catalog) -> None:
    result = measure([dialogue(("stone-terrace",))], wines, 2, EYE, "simulate target", {"seed": 0}, {})
    assert result.systems["ours"]["success@1"] == {"one": 0.0}
    assert result.notes["ends"] == {"ours": {"left": 1}}


def test_the_popular_floor_shows_the_best_known_first_and_nothing_twice(wines: Catalog) -> None:
    floor = Popular(wines, 5)
    shown = [item.id for _ in range(4) for item in floor.reply("c", "anything").items]
    assert shown == [item.id for item in wines]


def test_the_random_floor_depends_on_the_conversation_and_the_seed(wines: Catalog) -> None:
    def first(conversation: str, seed: int) -> list[str]:
        return [item.id for item in Random(wines, 6, seed).reply(conversation, "").items]

    assert first("a", 0) == first("a", 0)
    assert first("a", 0) != first("b", 0)
    assert first("a", 0) != first("a", 1)



@pytest.fixture
def stage(wines: Catalog, home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a recommender that shows random wines in the place of the real one."""

    class Waiter(Random):
        settings = SimpleNamespace(slate_size=3, model="scripted", home=home)
        tools = SimpleNamespace(models={"model": "scripted"})

    waiter = Waiter(wines, 3, 9)

    @contextmanager
    def opened(**given: Any) -> Iterator[Any]:
        yield waiter

    monkeypatch.setattr(commands, "opened", opened)
    monkeypatch.setattr(commands, "_vectors", lambda rec: EYE)
    return waiter


def command(monkeypatch: pytest.MonkeyPatch, *arguments: Any) -> int:
    monkeypatch.setattr(sys, "argv", ["evals", "simulate", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return int(stopped.value.code or 0)


@pytest.mark.parametrize("kind", ["target", "profile"])
def test_the_same_command_writes_the_same_bytes(
    stage: Any, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = []
    for name in ("one", "two"):
        stage._turns.clear()
        out, text = tmp_path / f"{name}.json", tmp_path / f"{name}.txt"
        options = ("--users", 4, "--kind", kind, "--turns", 3, "--noise", 0.2, "--seed", 5)
        assert command(monkeypatch, *options, "--json", out, "--transcripts", text) == 0
        written.append(out.read_bytes() + text.read_bytes())
    assert written[0] == written[1]
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("tastemaker", "popularity", "random", "success@3", "gini"))
    record = json.loads((tmp_path / "one.json").read_text("utf-8"))
    assert record["summary"]["popularity"]["success@3"]["n"] == 4


def test_a_killed_run_goes_on_and_comes_to_the_same(
    stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    options = ("--users", 3, "--turns", 2)
    whole = tmp_path / "whole.json"
    assert command(monkeypatch, *options, "--json", whole) == 0
    stage._turns.clear()

    calls = 0
    add = Unfinished.add

    def killed(self: Unfinished, name: str, value: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise KeyboardInterrupt
        add(self, name, value)

    with monkeypatch.context() as patch:
        patch.setattr(Unfinished, "add", killed)
        assert command(patch, *options) != 0
    assert len(list((home / "evals").iterdir())) == 1
    stage._turns.clear()
    rest = tmp_path / "rest.json"
    assert command(monkeypatch, *options, "--resume", "--json", rest) == 0
    assert rest.read_bytes() == whole.read_bytes()
    assert not list((home / "evals").iterdir())


def test_ratings_users_need_ratings(
    stage: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "--kind", "ratings") == 2
    assert capsys.readouterr().err.startswith("--kind ratings needs ratings: give --ratings")
