"""The recommender as other programs use it: open once, then talk, give feedback, undo, rank."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from agent.belief import ITEMS, BeliefState, BeliefUpdate, Drop, Shown, apply
from agent.feedback import Feedback, meant
from agent.forgetting import rewrite
from agent.memory import Memory
from agent.profile import SLOTS, Source, lasting
from agent.querying import query_of
from agent.redaction import private, redact
from agent.reply import Recommendation, Reply
from agent.review_scenario import written_of
from agent.settings import Settings
from agent.state import Here, Tools, fresh
from agent.summary import summary
from agent.versions import SHIPPED, digest
from retrieval.catalog import UserError
from retrieval.query import Candidate, Query

if TYPE_CHECKING:
    from agent.linking import Linker
    from agent.serving import Serving

LONGEST_NAME = 200
"""Characters of a conversation's name."""
LONGEST_TEXT = 4000
"""Characters of a message that are read."""
TITLE_LENGTH = 60
HEARD = 1000
"""Messages whose effect on a belief `rank` remembers."""
PRIVATE = {
    **{"email": "e-mail addresses", "phone": "telephone numbers", "card": "card numbers"},
    **{"iban": "account numbers", "url": "links with a key in them"},
}
"""What the kinds of private data are called."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")

class Recommender:
    """A conversational recommender over one catalog. Safe to call from several threads."""

    def __init__(self, tools: Tools, linker: Linker, serving: Serving | None = None) -> None:
        """Serve conversations with `tools`, or what `serving` has for each of them; `open` is the way in."""
        self.settings = tools.settings
        self.catalog, self.semantic_ids = tools.retriever.catalog, tools.retriever.semantic_ids
        self._tools, self._serving, self.linker = tools, serving, linker
        self._memory = Memory(tools.settings.home, tools.log)
        # Ranking after every turn of a dialogue hears its beginning again and again.
        self._heard = lru_cache(maxsize=HEARD)(self._hear)
        self._locks: dict[str, threading.Lock] = {}
        self._locks_lock = threading.Lock()

    @classmethod
    def open(
        cls, settings: Settings | None = None, say: Callable[[str], None] = lambda _: None, *, progress: bool = False
    ) -> Recommender:
        """Open everything that `settings` name, building the demo catalog's index on the first start.

        `say` is told about long steps, `progress` draws bars on them. UserError when something named cannot be had.
        """
        from agent.serving import Serving

        serving = Serving(settings or Settings(), say, progress=progress)
        return cls(serving.tools(), serving.linker, serving)

    @property
    def tools(self) -> Tools:
        """What answers now: that of the version that serves."""
        return self._tools if self._serving is None else self._serving.tools()

    def version(self, conversation: str = "") -> str:
        """Return the name of the version that answers, in a conversation where there is a trial."""
        return self._tools_in(conversation).models.get("version", SHIPPED)

    def answering(self, conversation: str = "") -> str:
        """Return in words what answers: the version, and the adapter of its language model where it has one."""
        models = self._tools_in(conversation).models
        version, adapter = models.get("version", SHIPPED), models.get("adapter", "none")
        told = "as shipped" if version == SHIPPED else version
        return told if adapter == "none" else f"{told}, adapter {adapter}"

    def _tools_in(self, conversation: str) -> Tools:
        return self._tools if self._serving is None else self._serving.tools(conversation)

    # Talking

    def reply(self, conversation: str, text: str, user: str = "") -> Reply:
        """Answer one message; an unknown conversation begins here.

        With a `user`, what lasts of it is kept in their profile, and their profile takes part; see `profile`.
        """
        *_, last = self.stream(conversation, text, user)
        return last

    def stream(self, conversation: str, text: str, user: str = "") -> Iterator[Reply]:
        """Yield the reply as it grows: items, then reasons one by one, then the text; the last one is `done`.

        A caller that stops early still leaves a finished turn: reasons that are missing are taken from the facts.
        """
        _check_name(conversation)
        cleaned, note = _cleaned(text)
        given = None if cleaned else BeliefUpdate(intent="chat")
        return self._turn(conversation, cleaned, given, note, user)

    def act(self, conversation: str, words: str, update: BeliefUpdate, user: str = "") -> Iterator[Reply]:
        """Yield the reply to a click as it grows: a turn whose meaning needs no reading; `words` name it in the log."""
        _check_name(conversation)
        return self._turn(conversation, _cleaned(words)[0], update, "", user)

    def remove(
        self, conversation: str, attribute: str, value: str | int | float | None = None, user: str = ""
    ) -> Reply:
        """Take back what is believed about an attribute, or one value of it, and recommend anew."""
        words = attribute if value is None else f"{attribute}: {value}"
        drop = Drop(attribute=attribute, value=value, words="removed")
        *_, last = self.act(conversation, f"(removed {words})", BeliefUpdate(intent="refine", drop=(drop,)), user)
        return last

    def _turn(self, conversation: str, text: str, given: BeliefUpdate | None, note: str, user: str) -> Iterator[Reply]:
        _check_name(conversation)
        person = self._known(user)
        with self._alone(conversation):
            profile = self._memory.profiles.read(person) if person else ()
            here = Here(self._tools_in(conversation), conversation, person=user, user=person, profile=profile)
            belief = self._memory.belief(conversation)
            reply = Reply(conversation, belief.turn + 1)
            parts = self._memory.run(fresh(text, given), here)
            try:
                for part in parts:
                    reply = _grown(reply, part)
                    if "items" in part:
                        yield reply
            except GeneratorExit:
                here.stop.set()
                for _ in parts:
                    pass
                raise
            yield _finished(conversation, self._memory.state(conversation), note, reply.profile)

    # What is known

    def belief(self, conversation: str) -> dict[str, Any]:
        """Return what is believed in a conversation; the empty belief for an unknown one."""
        _check_name(conversation)
        with self._alone(conversation):
            return self._memory.belief(conversation).model_dump(mode="json")

    def conversations(self) -> list[dict[str, Any]]:
        """Return id, title (the first words), number of turns and time of the last change, newest first."""
        return [{**one, "title": one["title"][:TITLE_LENGTH] or one["id"]} for one in self.tools.log.conversations()]

    def history(self, conversation: str) -> list[dict[str, Any]]:
        """Return the turns that stand, oldest first: each reply as a dict, with `user`, `via` and `feedback`."""
        _check_name(conversation)
        verdicts = [entry for entry in self.tools.log.entries(conversation) if entry.kind == "feedback"]
        turns = []
        for entry in self.tools.log.turns(conversation):
            turn = entry.content
            reply = Reply(
                conversation,
                entry.turn,
                turn["text"],
                tuple(_recommendation(item) for item in turn["shown"]),
                _asked(turn["question"]),
                turn["action"],
                turn["update"],
                turn["belief"],
                timings=turn["timings"],
                done=True,
            )
            given = [
                {name: verdict.content[name] for name in ("item_id", "verdict", "words", "reason")}
                for verdict in verdicts
                if verdict.turn == entry.turn and verdict.seq > entry.seq
            ]
            turns.append({**reply.as_dict(), "user": turn["user"], "via": turn["via"], "feedback": given})
        return turns

    def export(self, conversation: str) -> dict[str, Any]:
        """Return everything the log holds on a conversation as plain data."""
        _check_name(conversation)
        return self.tools.log.export(conversation)

    # Changing what is known

    def feedback(
        self,
        conversation: str,
        turn: int,
        item_id: str | None = None,
        verdict: str = "",
        words: str = "",
        user: str = "",
        reason: str = "",
        key: str = "",
    ) -> dict[str, Any]:
        """Take a reaction to an item that a turn showed, or without `item_id` to the whole reply; return the belief.

        Verdicts: liked, disliked, seen, rejected, accepted, like_this, unlike_this, thumbs_up, thumbs_down, and
        clicked, which changes no belief. A bad one may have a reason: wrong_item, seen_it, not_what_i_meant,
        ungrounded, other. The last word on an item counts. With a `key`, sending it again changes nothing. ValueError
        for an unknown verdict or reason, a turn that is not there, or an item that it did not show.
        """
        _check_name(conversation)
        key = key if redact(key) == key else digest(key)
        with self._alone(conversation):
            belief = self._memory.belief(conversation)
            if self.tools.log.knows(conversation, key):
                return belief.model_dump(mode="json")
            said = _cleaned(words)[0]
            found = next((t.content["shown"] for t in self.tools.log.turns(conversation) if t.turn == turn), None)
            update = meant(found or (), item_id if found is not None else None, verdict, reason, said)
            if found is None:
                raise ValueError(f"conversation {conversation!r} has no turn {turn!r}")
            after = apply(belief, update, belief.turn) if update.items else belief
            plain = after.model_dump(mode="json")
            given = Feedback(turn, item_id, verdict, said, reason, key, update.model_dump(mode="json"), plain)
            seq = self.tools.log.add_feedback(conversation, given, self.tools.log.last(conversation), user)
            self._memory.set(conversation, plain, seq)
            if person := self._known(user):
                at = self.tools.log.clock().isoformat(timespec="milliseconds")
                profile, source = self._memory.profiles.read(person), Source(conversation, belief.turn, at)
                self._memory.profiles.add(person, lasting(update, said, profile, source))
            return plain

    def undo(self, conversation: str) -> dict[str, Any]:
        """Take back the last turn, and what it taught; return the belief before it. ValueError when there is none."""
        _check_name(conversation)
        with self._alone(conversation):
            turn = self._memory.belief(conversation).turn
            if turn < 1:
                raise ValueError(f"conversation {conversation!r} has no turn to undo")
            seq = self.tools.log.add_undo(conversation, turn, self.tools.log.last(conversation))
            self._memory.go_back(conversation, turn, seq)
            self._memory.profiles.forget_conversation(conversation, since=turn)
            return self._memory.belief(conversation).model_dump(mode="json")

    def delete(self, conversation: str) -> None:
        """Remove a conversation: its checkpoints, the log's words, what it taught the profile, scenarios made of it.

        The files are written anew, so that no byte stays. What another program reads at that moment is written anew by
        the next deletion.
        """
        _check_name(conversation)
        with self._alone(conversation):
            self.tools.log.delete(conversation)
            self._memory.forget(conversation)
            self._memory.profiles.forget_conversation(conversation)
            for path in written_of(self.settings.home, conversation):
                path.unlink(missing_ok=True)
        with suppress(UserError):
            rewrite(self.settings.home)

    # What is remembered of a person

    def profile(self, user: str) -> dict[str, Any]:
        """Return what is remembered of a user across conversations: `user`, `on`, `summary`, `entries`, oldest first.

        An entry has a `key`, what it says (`kind` liked, disliked, seen or accepted; `attribute`, `value`, `title`) and
        its source: `conversation`, `turn`, `words`, `at`. `on` is False where the setting or the user turned it off.
        `summary` is a sentence or two, empty while too little is known.
        """
        _check_user(user)
        entries = self._memory.profiles.entries(user)
        return {
            "user": user,
            "on": self.settings.profile and self._memory.profiles.is_on(user),
            "summary": summary(entries, self.catalog),
            "entries": [{"key": one.subject, **one.model_dump(mode="json", exclude={"withdrawn"})} for one in entries],
        }

    def edit(self, user: str, key: str, kind: str) -> dict[str, Any]:
        """Correct an entry of a profile, as liked to disliked; return the profile. ValueError for what is not there."""
        _check_user(user)
        entry = next((one for one in self._memory.profiles.entries(user) if one.subject == key), None)
        if entry is None:
            raise ValueError(f"the profile of {user!r} has no entry {key!r:.80}")
        kinds = [name for name in SLOTS if entry.attribute == ITEMS or name in ("liked", "disliked")]
        if kind not in kinds:
            raise ValueError(f"an entry on {entry.title!r} is {' or '.join(kinds)}, not {kind!r:.80}")
        at = self.tools.log.clock().isoformat(timespec="milliseconds")
        changed = entry.model_copy(update={"kind": kind, "conversation": "", "turn": 0, "words": "", "at": at})
        self._memory.profiles.forget(user, key)
        self._memory.profiles.put(user, changed)
        return self.profile(user)

    def forget(self, user: str, key: str | None = None) -> dict[str, Any]:
        """Remove one entry of a profile, or without `key` all of it, from every conversation's; return what is left.

        The conversations themselves stay; `delete` removes one. ValueError when there is no such entry.
        """
        _check_user(user)
        if not self._memory.profiles.forget(user, key) and key is not None:
            raise ValueError(f"the profile of {user!r} has no entry {key!r:.80}")
        return self.profile(user)

    def remember(self, user: str, on: bool) -> dict[str, Any]:
        """Turn a user's profile on or off; what it holds stays and is not used meanwhile. Return the profile."""
        _check_user(user)
        self._memory.profiles.switch(user, on)
        return self.profile(user)

    def close(self) -> None:
        """Close the files. The recommender is of no use afterwards."""
        self.tools.log.close()
        self._memory.close()

    # Without a conversation

    def understand(self, turns: Sequence[Mapping[str, Any]], text: str) -> dict[str, Any]:
        """Return what `text` changes after `turns`, each with `user`, `update` and `shown` as in labelled dialogues."""
        from agent.transcripts import belief_from_turns, update_as_dict

        belief = belief_from_turns(turns, self.catalog)
        with self.tools.llm_free:
            update = self.tools.understanding.understand(_cleaned(text)[0], belief)
        return update_as_dict(update, self.catalog)

    def rank(self, messages: Sequence[Mapping[str, Any]], k: int | None = 50) -> list[tuple[str, float]]:
        """Rank the catalog for what a dialogue has said so far: the `k` best (item id, score), best first.

        `messages` have `role` and `content`. What the assistant named counts as shown. Items that a limit, a verdict
        or a mention as an example rules out are left out. Odd input ranks by popularity.
        """
        belief, last, said = self._told(messages)
        query = query_of(belief, last, self.catalog, len(self.catalog), said)
        scores = np.asarray(self.tools.retriever.all_scores(query), dtype=np.float64)
        order = np.argsort(-scores, kind="stable")
        order = order[np.isfinite(scores[order])]
        best = [(self.catalog.items[p].id, s) for p, s in zip(order.tolist(), scores[order].tolist(), strict=True)]
        if last:
            best = self._reranked(last, belief, best, said)
        return best[:k]

    def query(self, messages: Sequence[Mapping[str, Any]]) -> Query:
        """Return what `rank` asks retrieval after these messages."""
        return self.told(messages)[1]

    def told(self, messages: Sequence[Mapping[str, Any]]) -> tuple[BeliefState, Query]:
        """Return what `rank` believes after these messages, and what it asks retrieval."""
        belief, last, said = self._told(messages)
        return belief, query_of(belief, last, self.catalog, len(self.catalog), said)

    def _told(self, messages: Sequence[Mapping[str, Any]]) -> tuple[BeliefState, str, str]:
        """Return the belief after some messages, the last thing that the person said, and what they said before it."""
        belief, said = BeliefState(), [""]
        for message in messages:
            role, content = message.get("role", "user"), _cleaned(str(message.get("content") or ""))[0]
            if content and role in ("user", "assistant"):
                belief = self._heard(belief, role, content)
                said += [content] if role == "user" else []
        return belief, said[-1], " ".join(said[:-1]).strip()

    def _hear(self, belief: BeliefState, role: str, content: str) -> BeliefState:
        """Return the belief after one more message of a dialogue."""
        if role == "assistant":
            return belief.after_reply(self._named(content, belief), None)
        with self.tools.llm_free:
            return apply(belief, self.tools.understanding.understand(content, belief))

    def _reranked(
        self, text: str, belief: BeliefState, best: list[tuple[str, float]], said: str
    ) -> list[tuple[str, float]]:
        """Let the language model reorder the first few; they take the scores of the places they get."""
        head = best[: self.settings.rerank]
        with self.tools.llm_free:
            ranked = self.tools.reranker.rank(text, belief, [Candidate(item, score) for item, score in head], said)
        return [(one.item_id, score) for one, (_, score) in zip(ranked, head, strict=True)] + best[len(head) :]

    def _named(self, text: str, belief: BeliefState) -> tuple[Shown, ...]:
        """Return the items that `text` names as ledger entries of the belief's turn."""
        return tuple(
            Shown(item_id=item, title=self.catalog.label(self.catalog[item]), position=place, turn=belief.turn)
            for place, item in enumerate(self.linker.named(text, belief), start=1)
        )

    def _known(self, user: str) -> str:
        """Return whose profile takes part: nobody's without a name, or when the setting is off."""
        if user:
            _check_user(user)
        return user if self.settings.profile else ""

    # The state of one conversation

    @contextmanager
    def _alone(self, conversation: str) -> Iterator[None]:
        """Hold the conversation's lock: its turns happen one after the other."""
        with self._locks_lock:
            lock: AbstractContextManager[Any] = self._locks.setdefault(conversation, threading.Lock())
        with lock:
            yield


def _check_name(conversation: str) -> None:
    if not isinstance(conversation, str) or not 0 < len(conversation) <= LONGEST_NAME:
        raise ValueError(f"a conversation's name has 1 to {LONGEST_NAME} characters, not {conversation!r:.80}")


def _check_user(user: str) -> None:
    if not isinstance(user, str) or not 0 < len(user) <= LONGEST_NAME:
        raise ValueError(f"a user's name has 1 to {LONGEST_NAME} characters, not {user!r:.80}")


def _cleaned(text: str) -> tuple[str, str]:
    """Return the text without control characters and private data, cut to `LONGEST_TEXT`, and a note on what is gone.

    What is longer is cut so far behind the end that no address is cut in two and half of it kept.
    """
    plain = _UNPRINTABLE.sub(" ", text.encode("utf-8", "ignore").decode("utf-8")).strip()
    near = plain[: LONGEST_TEXT + LONGEST_NAME]
    gone = ", ".join(dict.fromkeys(PRIVATE[one.kind] for one in private(near)))
    notes = [f"(I do not keep {gone}: left out.)"] if gone else []
    notes += [f"(I read the first {LONGEST_TEXT:,} characters.)"] if len(plain) > LONGEST_TEXT else []
    return redact(near)[:LONGEST_TEXT], " ".join(notes)


def _asked(text: str | None) -> str | None:
    """Return a question; a way out that is only told is a part of the text."""
    return text if text and text.endswith("?") else None


def _recommendation(item: Mapping[str, Any]) -> Recommendation:
    return Recommendation(**{**item, "evidence": tuple(item["evidence"])})


def _grown(reply: Reply, part: Mapping[str, Any]) -> Reply:
    """Return the partial reply with what a node has just sent."""
    return Reply(
        reply.conversation,
        reply.turn,
        items=tuple(_recommendation(item) for item in part["items"]) if "items" in part else reply.items,
        profile=tuple(part.get("profile", reply.profile)),
        update=part.get("update", reply.update),
        belief=part.get("belief", reply.belief),
        timings=part.get("timings", reply.timings),
        action="recommend",
    )


def _finished(conversation: str, state: Mapping[str, Any], note: str, profile: tuple[Mapping[str, Any], ...]) -> Reply:
    question = _asked(state["question"] and state["question"]["text"])
    text = " ".join(part for part in (note, state["answer"], question) if part)
    return Reply(
        conversation,
        state["belief"]["turn"],
        text,
        tuple(_recommendation(item) for item in state["items"]),
        question,
        state["decision"]["action"],
        state["update"],
        state["belief"],
        state["timings"],
        done=True,
        profile=profile,
    )
