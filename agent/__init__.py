"""What one turn does: belief, dialogue graph, language model, conversation log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.recommender import Recommender
    from agent.settings import Settings

__all__ = ["Recommender", "Settings"]


def __getattr__(name: str) -> Any:
    """Import `Recommender` and `Settings` when they are first asked for, so that `import agent` stays fast."""
    if name == "Recommender":
        from agent.recommender import Recommender

        return Recommender
    if name == "Settings":
        from agent.settings import Settings

        return Settings
    raise AttributeError(f"module 'agent' has no attribute {name!r}")
