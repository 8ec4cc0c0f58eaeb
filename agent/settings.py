"""How the recommender runs: defaults, `tastemaker.toml` in the current folder, and `TASTEMAKER_*` variables."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from retrieval.catalog import UserError

SETTINGS_FILE = Path("tastemaker.toml")
BORROWED = ("index", "models", "adapters", "reader", "ranker", "versions")
"""What of a home is no conversation."""


class Settings(BaseSettings):
    """Serving settings. Arguments win over variables, variables over the file, the file over the defaults.

    UserError names the key and the fix when a key is unknown or a value does not fit.
    """

    model_config = SettingsConfigDict(env_prefix="TASTEMAKER_", extra="forbid", frozen=True)

    home: Path = Path("~/.tastemaker")
    """Folder that holds everything a user owns: index, codes, adapters, log, checkpoints."""
    encoder: str = "embedded"
    """`embedded`, `hashing`, a folder or a Hub id."""
    model: str = "embedded"
    """`embedded`, `scripted`, a folder or a Hub id."""
    adapter: str = "auto"
    """`auto`, `none`, a folder, or the name of one under `home/adapters`."""
    reader: str = "auto"
    """Who judges what is said: `auto` (the packaged reader; the linear judge beside a scripted model), `none` (the
    linear judge), or a folder with a reader."""
    ranker: str = "auto"
    """What was learned from logs about the order: `auto` (the one in the home, or for the demo catalog the packaged
    one, where there is one), `none`, or a folder."""
    reranker: str = "auto"
    """What the language model orders candidates with: `auto` (the cross-encoder of the learned ranker, which has one
    only where it was better than the ranker alone), a folder with a cross-encoder, `adapter`, `titles` (the likelihood
    of titles, without any training), `none`, or `student` (no language model: a small network that was taught what the
    learned ranker and its cross-encoder make together)."""
    trial: str = ""
    """A version that answers half of the conversations beside the one that serves, or nothing; see `python -m finetune
    versions`."""
    slate_size: int = Field(4, ge=1, le=20)
    """Items shown at once."""
    candidates: int = Field(200, ge=1, le=10_000)
    """Items that retrieval hands over."""
    rerank: int = Field(20, ge=0, le=50)
    """Candidates that the language model puts in order; 0 leaves the order to retrieval."""
    explore: float = Field(0.0, ge=0, le=10)
    """How freely lists are drawn instead of taken from the top: 0 never; .3 now and then something else; 1 by the
    probabilities. What is shown by chance is what logs can learn other orders from; its probability is logged."""
    profile: bool = True
    """Whether lasting tastes and known items are kept for later conversations; off, nothing is read or written."""
    review: bool = True
    """Whether the page has the tab in which turns are reviewed; it shows those of everybody who used this home."""
    host: str = "127.0.0.1"
    port: int = Field(7860, ge=0, le=65535)
    seed: int = 0

    def __init__(self, **values: Any) -> None:
        """Read the settings; `values` win over everything else."""
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise UserError(_explain(error)) from None

    @field_validator("home")
    @classmethod
    def _expand(cls, home: Path) -> Path:
        return home.expanduser()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, then variables, then the file."""
        return init_settings, env_settings, _SettingsFile(settings_cls)


class _SettingsFile(PydanticBaseSettingsSource):
    """The values in `tastemaker.toml`, when there is one."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Give nothing by field: the file is read as a whole."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return what the file sets; UserError when it is not TOML."""
        try:
            return tomllib.loads(SETTINGS_FILE.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UserError(f"{SETTINGS_FILE}: not valid TOML: {error}") from None


def _explain(error: ValidationError) -> str:
    """Write the first problem in one line: the key, what is wrong, and the nearest valid key."""
    problem = error.errors()[0]
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        keys = list(Settings.model_fields)
        near = get_close_matches(key, keys, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"the keys are {', '.join(keys)}"
        return f"settings: unknown key `{key}` (in {SETTINGS_FILE} or an argument); {hint}"
    return f"settings: `{key}` = {problem['input']!r}: {problem['msg']}; set {key} or TASTEMAKER_{key.upper()}"


@contextmanager
def borrowed(home: Path) -> Iterator[Path]:
    """Give a temporary home that shares the index, models and adapters of `home`, which are built there if need be.

    What is said in it is never among the conversations of `home`, and is gone at the end.
    """
    with tempfile.TemporaryDirectory(prefix="tastemaker-") as folder:
        for name in BORROWED:
            (home / name).mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).symlink_to((home / name).resolve(), target_is_directory=True)
        yield Path(folder)
