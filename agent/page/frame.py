"""What stands around the turns: the conversations of a browser, and the empty one with things to try."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent.page.markup import Plain, button, short, text_of

if TYPE_CHECKING:
    from agent.settings import Settings
    from retrieval.catalog import Catalog


def side_html(conversations: Sequence[Plain], here: str, settings: Settings, line: str, answers: str = "") -> str:
    """Draw the name of the program, the conversations of this browser, what answers, where feedback goes."""
    rows = "".join(
        f'<li class="{"here" if one["id"] == here else ""}">{button(one["title"], "open", "open", id=one["id"])}'
        f"{button('Delete this conversation', 'delete', 'x', inside='×', id=one['id'], confirm='Delete this conversation and its feedback?')}</li>"  # noqa: E501
        for one in conversations
    )
    log = short(settings.home / "log.sqlite")
    answers = f"Answers: {text_of(answers)}<br>" if answers else ""
    return (
        '<div class="tm"><input type="checkbox" id="menu"><div class="top"><h1>Taste<i>maker</i></h1>'
        f'<p class="soft">{text_of(line)}</p><label class="menu" for="menu">Conversations</label></div>'
        f'<div class="drawer">{button("New conversation", "new", "new")}<ul class="list">{rows}</ul>'
        f'<p class="note">{answers}Messages and feedback stay on this computer, in {text_of(log)}</p></div></div>'
    )


def live_html(conversation: str, inside: str, turn: int) -> str:
    """Draw the latest turn; the page scrolls to it when its number changes."""
    css, number = ("tm now", turn) if turn else ("tm", "")
    name = text_of(conversation)
    return f'<div class="{css}" aria-live="polite" data-conversation="{name}" data-turn="{number}">{inside}</div>'


def hello_html(examples: Sequence[str]) -> str:
    """Draw an empty conversation: what to do, and things to try."""
    tries = "".join(button(text, "say", text=text) for text in examples)
    return (
        f'<div class="hello"><h2>What are you in the mood for?</h2><p class="soft">Say what you feel'
        " like, what you liked, what you do not want. Everything shown is in the catalog and keeps to it.</p>"
        f'<div class="tries">{tries}</div></div>'
    )


def examples_of(catalog: Catalog) -> list[str]:
    """Make things to try of the catalog's own values."""
    schema, tries = catalog.schema, []
    ranked = {
        column: sorted(counts, key=lambda value: -counts[value])
        for column in schema.with_role("facet")
        if len(counts := catalog.vocabulary[column.name]) > 4
    }
    plain = [column for column in ranked if not column.people]
    year = schema.with_unit("year")
    years = sorted(number for item in catalog if year and (number := item.number(year.name)) is not None)
    decade = f" from the {int(years[len(years) // 3]) // 10 * 10}s" if years else ""
    if plain:
        _, second, third, fourth, *_ = (value.lower() for value in ranked[plain[0]])
        tries.append(f"{_with_article(fourth)}{decade}, but no {third}")
        phrases = max(plain, key=lambda column: sum(value.count(" ") for value in ranked[column][:50]))
        if phrases != plain[0]:
            tries.append(f"{_with_article(second)} with {ranked[phrases][0].lower()}")
    tries += [f"something like {item.title}" for item in sorted(catalog, key=lambda item: -item.popularity)[7:8]]
    tries += [f"something by {ranked[column][0]}" for column in ranked if column.people][:1]
    return tries


def _with_article(word: str) -> str:
    return f"{'an' if word[:1] in 'aeiou' else 'a'} {word}"
