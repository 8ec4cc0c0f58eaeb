"""Cues of what kind of message this is."""

from __future__ import annotations

import re

RESTART = re.compile(
    r"\b(?:start (?:over|again|fresh|afresh|anew|new)|starting (?:over|fresh)|reset|from scratch|clean slate|new (?:topic|list|request|search|question|night|round|start|one|plan|mission|day|order)|"
    r"fresh start|forget (?:all|everything|it all|all of)|scrap (?:all|everything|it all|that all)|ignore (?:all|everything)|different (?:thing|night|topic|request|matter)|another (?:matter|topic|request|evening|night)|"
    r"something (?:completely|totally|else entirely|entirely) (?:different|else)|begin again|wipe|scrap (?:her|his|their|the) rules|all over again|lets start|changed? (?:of )?(?:plan|topic|subject)|blank slate|brand new)\b"
)
