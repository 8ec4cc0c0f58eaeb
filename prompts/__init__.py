"""Every word ever shown to the LLM: one template a file, and the one renderer that training and serving share."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from jinja2 import Template

USER, ASSISTANT, END = "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>"
_MARKS = re.compile(r"<\|[^|>]*\|>|<[a-z]_\d+>|[\x00-\x1f\x7f]+")


class Tokens(str):
    """Text that may hold Semantic-ID tokens; everything else that enters a prompt is cleaned of them."""

    __slots__ = ()


class Prompt(NamedTuple):
    """A rendered prompt in two parts: what several prompts of one turn share, and what is this one's own.

    The parts are tokenised apart, in training and in serving, so that the shared part is computed once.
    """

    context: str
    own: str


def render(name: str, **values: Any) -> Prompt:
    """Fill the template `name` and wrap it in the chat format; the answer follows directly.

    A line `---` in the template ends the shared part. Values are data: chat marks, Semantic-ID tokens and line breaks
    in them become spaces. A missing value raises `jinja2.UndefinedError` with its name.
    """
    context, _, own = _template(name).render(values).strip().partition("\n---\n")
    if not own:
        return Prompt("", USER + context + ASSISTANT)
    return Prompt(USER + context + "\n", own + ASSISTANT)


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, finalize=_clean, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(files("prompts").joinpath(f"{name}.txt").read_text("utf-8"))


def _clean(value: Any) -> Any:
    return value if isinstance(value, Tokens) or not isinstance(value, str) else _MARKS.sub(" ", value).strip()
