"""Chats as chat programs and training data have them: messages, ShareGPT, and the exports of Open WebUI."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from finetune.formats.findings import explained
from finetune.formats.lines import kind_of
from finetune.formats.talks import MalformedError, Role, Said, Talk

T = TypeVar("T", bound=BaseModel)
ROLES: dict[str, Role] = {
    "user": "user", "human": "user",
    "assistant": "assistant", "gpt": "assistant", "model": "assistant", "bot": "assistant", "chatgpt": "assistant",
}  # fmt: skip
"""Who speaks; system prompts and what tools return are nobody's words."""


def _content(value: object) -> object:
    """Return the text of a message, which may come in parts, some of them pictures."""
    if value is None:
        return ""
    if isinstance(value, list):
        texts = [part.get("text") if isinstance(part, dict) else part for part in value]
        return "\n".join(text for text in texts if isinstance(text, str))
    if not isinstance(value, str):
        raise ValueError(f"is {kind_of(value)}, not text: write text, or a list of parts with text")
    return value


def _named(value: object) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


Content = Annotated[str, BeforeValidator(_content)]
Name = Annotated[str, BeforeValidator(_named)]


class Foreign(BaseModel):
    """What somebody else's program wrote: fields that are not of interest may be anything."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Message(Foreign):
    """A message with a role."""

    role: str
    content: Content = ""


class Messages(Foreign):
    """A chat as a list of messages."""

    id: Name = ""
    messages: tuple[Message, ...]


class Remark(Foreign):
    """A message as ShareGPT has it."""

    sender: str = Field(alias="from")
    value: Content = ""


class ShareGpt(Foreign):
    """A chat as ShareGPT has it."""

    id: Name = ""
    conversations: tuple[Remark, ...]


class Annotation(Foreign):
    """What somebody thought of a message."""

    rating: Any = None
    comment: Any = None


class WebMessage(Message):
    """A message as Open WebUI keeps it."""

    id: Name = ""
    parent: Name = Field("", alias="parentId")
    annotation: Annotation | None = None


class History(Foreign):
    """Every branch of a chat: what was asked again or answered again is a branch of its own."""

    messages: dict[str, WebMessage] = {}
    current: Name = Field("", alias="currentId")


class WebChat(Foreign):
    """A chat in Open WebUI: the branch that is seen, or all branches."""

    messages: tuple[WebMessage, ...] | None = ()
    history: History | None = None


class WebExport(Foreign):
    """One chat of an export of Open WebUI."""

    id: Name = ""
    chat: WebChat


def of_messages(values: Mapping[str, Any], name: str) -> Talk:
    """Read a chat with `messages`; it is called `name` where it has no id. MalformedError says what is wrong."""
    chat = read(Messages, values)
    return _talk(chat.id or name, ((one.role, Said("user", one.content)) for one in chat.messages))


def of_sharegpt(values: Mapping[str, Any], name: str) -> Talk:
    """Read a chat with `conversations`; as `of_messages`."""
    chat = read(ShareGpt, values)
    return _talk(chat.id or name, ((one.sender, Said("user", one.value)) for one in chat.conversations))


def of_open_webui(values: Mapping[str, Any], name: str) -> Talk:
    """Read a chat that Open WebUI exported, the branch that was seen last; as `of_messages`."""
    export = read(WebExport, values)
    return _talk(export.id or name, ((one.role, _rated(one)) for one in _branch(export.chat)))


def read(model: type[T], values: Mapping[str, Any]) -> T:
    """Return what a model makes of a record. MalformedError with the first thing that is wrong."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first, *more = explained(error)
        raise MalformedError(f"{first}{f' (and {len(more)} more)' if more else ''}") from error


def _talk(name: str, said: Iterable[tuple[str, Said]]) -> Talk:
    known = [(ROLES.get(role.strip().casefold()), one) for role, one in said]
    return Talk(
        name, tuple(Said(role, one.text, None, one.rating, one.comment) for role, one in known if role is not None)
    )


def _branch(chat: WebChat) -> tuple[WebMessage, ...]:
    """Return the messages that lead to the current one, oldest first."""
    if chat.messages or chat.history is None:
        return chat.messages or ()
    found: dict[str, WebMessage] = {}
    place = chat.history.current
    while place not in found and place in chat.history.messages:
        found[place] = chat.history.messages[place]
        place = found[place].parent
    return tuple(reversed(found.values()))


def _rated(message: WebMessage) -> Said:
    annotation = message.annotation or Annotation()
    ratings: dict[Any, Literal[-1, 1]] = {1: 1, -1: -1, "1": 1, "-1": -1}
    given = annotation.rating if isinstance(annotation.rating, int | str) else None
    comment = annotation.comment if isinstance(annotation.comment, str) else ""
    return Said("user", message.content, None, ratings.get(given, 0), comment)
