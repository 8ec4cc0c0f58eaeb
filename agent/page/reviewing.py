"""What the review does with a click: decide, correct, write a scenario, open the next turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent.page.desk import DECIDED, Draft, case_html, desk_html
from agent.page.markup import Plain, short

if TYPE_CHECKING:
    from agent.recommender import Recommender
    from agent.review import Case
    from retrieval.catalog import Catalog


class Desk:
    """The review of one home. Its queue remembers what it has read."""

    def __init__(self, rec: Recommender) -> None:
        """Review the turns in the log of `rec`."""
        from agent.review import Queue

        self._rec, self._queue = rec, Queue(rec.tools.log)

    def show(self, sent: Plain, person: str) -> str:
        """Do what a button or a key of `person` stands for, and return what the review shows then."""
        rec, do = self._rec, str(sent.get("do", ""))
        before = self._queue.cases(decided=True)
        case = next((one for one in before if str(one.reacted.seq) == str(sent.get("entry"))), None)
        told = trouble = ""
        draft: Draft | None = None
        try:
            if case is not None and do in ("approve", "reject", "correct", "scenario"):
                told = _decided(rec, case, sent, person)
        except ValueError as error:
            trouble, draft = str(error), Draft(str(sent.get("update", "")), *_listed(sent))
        after = self._queue.cases(decided=True) if told else before
        open_ = _next_open(before, after, case, "" if trouble else do)
        pending = [one for one in after if one.pending]
        looked = [one for one in after if not one.pending]
        entry = ""
        if open_ is not None:
            entry = case_html(open_, rec.catalog, draft or _draft(open_, rec.catalog), told, trouble, focus=do != "")
        return desk_html(pending, looked, open_, entry, told)


def _draft(case: Case, catalog: Catalog) -> Draft:
    """Return the fields of a turn as they are before anybody writes in them."""
    from agent.review_correction import update_text

    review, shown = case.review, tuple(card["id"] for card in case.reacted.record["shown"])
    update = review.update if review and review.update is not None else case.update(catalog)
    return Draft(update_text(update), (review.order if review else ()) or shown, review.reasons if review else {})


def _listed(sent: Plain) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the list and the reasons that a browser sends; what it sends is not trusted."""
    order, reasons = sent.get("order"), sent.get("reasons")
    ids = tuple(map(str, order)) if isinstance(order, list) else ()
    told = {str(item): str(words) for item, words in reasons.items()} if isinstance(reasons, dict) else {}
    return ids, {item: words for item, words in told.items() if item in ids}


def _decided(rec: Recommender, case: Case, sent: Plain, person: str) -> str:
    """Write the decision that a button stands for, or a scenario; return what to say. ValueError when it cannot be."""
    from agent.review import case_of, decide, unfounded
    from agent.review_correction import read_update
    from agent.review_scenario import save_scenario

    log, catalog, do = rec.tools.log, rec.catalog, sent.get("do")
    if do in ("approve", "reject"):
        made = decide(log, catalog, case, "approved" if do == "approve" else "rejected", person=person)
        return f"{DECIDED[made.decision]}: {case.reacted.text[:60]}"
    order, reasons = _listed(sent)
    old, shown = _draft(case, catalog), {card["id"]: card["reason"] for card in case.reacted.record["shown"]}
    reasons = {item: words for item, words in reasons.items() if words.strip() or item in shown}
    kept = {item: old.reasons.get(item, shown.get(item)) for item in reasons}
    same = (str(sent.get("update")).strip(), order, reasons) == (old.update.strip(), old.order, kept)
    told = []
    if do == "correct" or not same:
        if shown and not order:
            raise ValueError("the list is empty: leave an item on it, or say by the intent that none was wanted")
        update = read_update(str(sent.get("update", "")))
        made = decide(log, catalog, case, "corrected", update=update, order=order, reasons=reasons, person=person)
        told += ["Correction saved", *(f"not in the data: {line}" for line in unfounded(case, catalog, made))]
    if do == "scenario":
        fresh = case_of(log, case.reacted.conversation, case.reacted.turn)
        told.append(f"Scenario written to {short(save_scenario(rec.settings.home, log, catalog, fresh))}")
    return ". ".join(told)


def _next_open(before: Sequence[Case], after: Sequence[Case], case: Case | None, do: str) -> Case | None:
    """Return the turn to open: the same one, or the next or previous that waits, round the end of the queue."""
    places = {one.reacted.seq: place for place, one in enumerate(before)}
    pending = [one for one in after if one.pending]
    if case is None:
        return next(iter(pending), None)
    here = places[case.reacted.seq]
    if do in ("approve", "reject", "next"):
        return next((one for one in pending if places.get(one.reacted.seq, 0) > here), next(iter(pending), None))
    if do == "previous":
        earlier = [one for one in pending if places.get(one.reacted.seq, 0) < here]
        return next(reversed(earlier or pending), None)
    return next((one for one in after if one.reacted.seq == case.reacted.seq), None)
