"""What every part of the page is drawn with."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

Plain = Mapping[str, Any]
COMPLAINTS = {
    "wrong_item": "Wrong items",
    "not_what_i_meant": "Not what I meant",
    "seen_it": "I know them already",
    "ungrounded": "A reason is not true",
    "other": "Something else",
}
"""Reasons that a bad reply takes, and what their buttons say."""


def text_of(value: object) -> str:
    """Return text from catalog or person as inert HTML."""
    return escape(str(value), quote=True)


def button(label: str, do: str, css: str = "", /, *, inside: str = "", **data: object) -> str:
    """Draw a button; `data` travels with the click, `label` is escaped, `inside` is markup of our own instead of it."""
    pressed = data.pop("pressed", None)
    sent = "".join(f' data-{name}="{text_of(value)}"' for name, value in data.items() if value is not None)
    state = "" if pressed is None else f' aria-pressed="{str(bool(pressed)).lower()}"'
    named = f' aria-label="{text_of(label)}" title="{text_of(label)}"' if inside else ""
    return f'<button type="button" class="{css}" data-do="{do}"{sent}{state}{named}>{inside or text_of(label)}</button>'


def wait_html(stage: str) -> str:
    """Say what is being waited for."""
    return f'<p class="wait">{text_of(stage)}</p>'


def oops_html(trouble: str) -> str:
    """Say what went wrong."""
    return f'<p class="oops" role="alert">{text_of(trouble)}</p>'


def short(path: Path) -> str:
    """Return a path as people read it, with ~ for their own folder."""
    mine = Path.home()
    return str(Path("~", path.relative_to(mine)) if path.is_relative_to(mine) else path)


def file(name: str) -> str:
    """Return one of the page's own files: styles and scripts."""
    return (Path(__file__).parent / name).read_text("utf-8")
