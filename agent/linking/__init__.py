"""The deterministic part of understanding: a message linked to the catalog's own vocabulary."""

from agent.linking.linker import Linked, Linker

__all__ = ["Linked", "Linker"]
