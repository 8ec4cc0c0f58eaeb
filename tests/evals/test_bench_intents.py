"""IARD's intents: reading the format, the mapping to ours, and the floor."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import pytest

from agent.belief import Intent
from evals.bench.intents import MAPPING, best_constant, read_iard, score
from retrieval.catalog import UserError

REAL = Path(__file__).parents[3] / "shared" / "data" / "iard" / "dev.json"


def said(role: str, text: str, *labels: str) -> dict[str, Any]:
    return {"role": role, "utterance_text": text, "top-level intent/action": [], "sub-intent/action": list(labels)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "iard.json"
    dialogue = {
        "S1": said("seeker", "Something like @123 <Red  Hill  (2018)> ?", "IQU", "PRO"),
        "R2": said("recommender", "Try @9 <Old Cellar >"),
        "S3": said("seeker", "seen it", "SEE"),
        "S4": said("seeker", "hm", "???"),
    }
    file.write_text(json.dumps({"7": {"dialogue_info": dialogue, "accepted_recommendation": [2]}}), "utf-8")
    return file


def test_titles_are_written_out_and_what_was_recommended_is_the_list_on_screen(path: Path) -> None:
    contexts = []

    def understand(turns: Sequence[Mapping[str, Any]], text: str) -> dict[str, Any]:
        contexts.append((text, [dict(turn) for turn in turns]))
        return {"intent": "similar"}

    score(understand, read_iard(path))
    assert contexts[0] == ("Something like Red Hill (2018) ?", [])
    assert contexts[1][1][0]["shown"] == [{"title": "Old Cellar"}]
    assert contexts[1][1][0]["update"] == {"intent": "similar"}


def test_one_of_several_labels_is_enough_and_an_unknown_label_cannot_be_measured(path: Path) -> None:
    values = score(lambda turns, text: {"intent": "feedback"}, read_iard(path))
    assert values["intent"] == {"7/1": 1, "7/3": 1, "7/4": None}
    assert values["IQU"] == {"7/1": 0}
    assert values["PRO"] == {"7/1": 1}


def test_the_floor_is_the_one_intent_that_is_right_most_often(path: Path) -> None:
    dialogues = read_iard(path)
    assert best_constant(dialogues)([], "") == {"intent": "feedback"}


def test_every_label_stands_for_intents_that_we_have() -> None:
    ours = set(get_args(Intent))
    assert all(allowed and allowed <= ours for _, allowed in MAPPING.values())


@pytest.mark.parametrize("text", ["", "[]", '{"1": {}}', '{"1": {"dialogue_info": {"S1": {}}}}'])
def test_another_file_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(text, "utf-8")
    with pytest.raises(UserError, match="IARD"):
        read_iard(file)


@pytest.mark.skipif(not REAL.exists(), reason=f"the data is not here: {REAL}")
def test_the_published_file_is_read_whole_and_every_label_is_mapped() -> None:
    dialogues = read_iard(REAL)
    seekers = [one for dialogue in dialogues.values() for one in dialogue if one.seeker]
    assert len(seekers) == 872
    assert {label for one in seekers for label in one.labels} <= MAPPING.keys()
    assert not any("@" in one.text and "<" in one.text for one in seekers)
