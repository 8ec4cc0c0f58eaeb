"""Results with their estimates, and two of them compared."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from evals import __main__ as cli
from evals.compare import compare, flips, print_comparison, verdict
from evals.results import Estimate, Result, read_result
from retrieval.catalog import UserError


def result(values: dict[str, float | None], metric: str = "passed", kind: str = "run") -> Result:
    return Result(kind, {}, {"ours": {metric: values}}, {})


def test_an_estimate_is_the_mean_with_the_standard_error_of_the_sample() -> None:
    one = Estimate.of([0.0, 1.0, 1.0, 0.0])
    assert (one.value, one.n) == (0.5, 4)
    assert one.error == pytest.approx(0.2887, abs=1e-4)
    assert str(one) == ".500 ± .289"


def test_what_could_not_be_measured_is_left_out_and_what_failed_counts() -> None:
    one = result({"a": None, "b": 0.0, "c": 1.0}).estimate("ours", "passed")
    assert (one.value, one.n) == (0.5, 2)
    nothing = result({"a": None}).estimate("ours", "passed")
    assert (nothing.value, nothing.n, str(nothing)) == (None, 0, "-")


def test_a_result_comes_back_from_its_file(tmp_path: Path) -> None:
    one = Result("bench x", {"seed": 1}, {"ours": {"m": {"a": 1.0, "b": None}}}, {"left out": 2})
    path = tmp_path / "r.json"
    path.write_text(one.as_json(), "utf-8")
    assert read_result(path) == one


def test_the_last_digits_of_a_number_are_not_written() -> None:
    third, near = result({"a": 1 / 3}), result({"a": 1 / 3 + 1e-12})
    assert third.as_json() == near.as_json()


@pytest.mark.parametrize("text", ["", "[]", '{"kind": "run"}', "not json"])
def test_another_file_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(text, "utf-8")
    with pytest.raises(UserError, match="name a file written with --json"):
        read_result(path)


def test_a_clear_gain_is_seen_and_chance_is_not() -> None:
    before = result({str(n): 0.0 for n in range(40)})
    after = result({str(n): float(n < 30) for n in range(40)})
    (gain,) = compare(before, after)
    assert (gain.before, gain.after, gain.n, gain.verdict) == (0, 0.75, 40, "better")
    assert gain.low < 0.75 < gain.high
    (loss,) = compare(after, before)
    assert loss.verdict == "worse"
    (chance,) = compare(before, result({str(n): float(n == 1) for n in range(40)}))
    assert chance.verdict == "no difference seen"
    assert verdict([gain]) == "The second is better in ours passed."


def test_one_unit_is_too_few_to_see_a_difference() -> None:
    (one,) = compare(result({"a": 0.0}), result({"a": 1.0}))
    assert one.verdict == "no difference seen"


def test_less_is_better_for_costs() -> None:
    many, few = ({str(n): float(times) for n in range(9)} for times in (5, 3))
    (one,) = compare(result(many, "turns to accept"), result(few, "turns to accept"))
    assert one.verdict == "better"


def test_units_pair_by_name_and_those_of_one_side_are_left_out() -> None:
    (one,) = compare(result({"a": 0.0, "b": 1.0, "x": 0.0}), result({"b": 1.0, "a": 0.0, "y": 1.0, "z": None}))
    assert (one.n, one.verdict) == (2, "the same")


def test_flips_are_named() -> None:
    found = list(flips(result({"a": 0.0, "b": 1.0, "c": 1.0}), result({"a": 1.0, "b": 0.0, "c": 1.0})))
    assert [(one.unit, one.gained) for one in found] == [("a", True), ("b", False)]
    assert not list(flips(result({"a": 0.2}), result({"a": 0.4})))


def test_results_of_different_commands_or_data_are_not_compared() -> None:
    with pytest.raises(UserError, match="two results of the same command"):
        compare(result({}), result({}, kind="bench redial"))
    with pytest.raises(UserError, match="share no unit"):
        compare(result({"a": 1.0}), result({"b": 1.0}))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(0, 5))
def test_the_same_seed_gives_the_same_interval_and_no_change_none(values: list[float], seed: int) -> None:
    one = result({str(n): value for n, value in enumerate(values)})
    moved = result({str(n): value / 2 for n, value in enumerate(values)})
    assert compare(one, moved, seed, 50) == compare(one, moved, seed, 50)
    (same,) = compare(one, one, seed, 50)
    assert (same.low, same.high, same.verdict) == (0, 0, "the same")


def test_the_printed_comparison_ends_with_one_line_of_verdict() -> None:
    text = io.StringIO()
    none, both = ({unit: held for unit in "ab"} for held in (0.0, 1.0))
    print_comparison(result(none), result(both), Console(file=text, width=160))
    assert "a now holds" in text.getvalue()
    assert text.getvalue().rstrip().endswith("The second is better in ours passed.")


def test_the_command_exits_with_1_when_something_is_worse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(result({str(n): 1.0 for n in range(20)}).as_json(), "utf-8")
    bad.write_text(result({str(n): 0.0 for n in range(20)}).as_json(), "utf-8")
    for first, second, code in ((good, bad, 1), (bad, good, 0), (good, good, 0)):
        monkeypatch.setattr(sys, "argv", ["evals", "compare", str(first), str(second)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        assert int(stopped.value.code or 0) == code
