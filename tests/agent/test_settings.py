from __future__ import annotations

from pathlib import Path

import pytest

from agent.settings import Settings
from retrieval.catalog import UserError


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_settings_have_defaults_that_need_nothing() -> None:
    settings = Settings()
    assert (settings.host, settings.port, settings.slate_size) == ("127.0.0.1", 7860, 4)
    assert settings.home == Path("~/.tastemaker").expanduser()


def test_an_argument_beats_a_variable_and_a_variable_beats_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("tastemaker.toml").write_text("port = 1\nslate_size = 2\nseed = 3\n")
    monkeypatch.setenv("TASTEMAKER_PORT", "10")
    monkeypatch.setenv("TASTEMAKER_SLATE_SIZE", "5")
    settings = Settings(port=100)
    assert (settings.port, settings.slate_size, settings.seed) == (100, 5, 3)


def test_an_unknown_key_in_the_file_is_refused_with_the_nearest_valid_one() -> None:
    Path("tastemaker.toml").write_text("slatesize = 3\n")
    with pytest.raises(UserError, match=r"unknown key `slatesize`.*`slate_size`"):
        Settings()


def test_an_unknown_key_that_resembles_none_gets_the_list_of_keys() -> None:
    with pytest.raises(UserError, match="the keys are home, encoder"):
        Settings(zzz=1)


def test_a_value_out_of_range_is_refused_with_the_key_and_the_value() -> None:
    with pytest.raises(UserError, match=r"`slate_size` = 0.*TASTEMAKER_SLATE_SIZE"):
        Settings(slate_size=0)


def test_a_file_that_is_not_toml_is_refused_by_name() -> None:
    Path("tastemaker.toml").write_text("port: 1")
    with pytest.raises(UserError, match=r"^tastemaker.toml: not valid TOML"):
        Settings()


def test_an_error_is_one_line() -> None:
    with pytest.raises(UserError) as caught:
        Settings(port="x", model=3)
    assert "\n" not in str(caught.value)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(Exception, match="frozen"):
        Settings().port = 1  # type: ignore[misc]
