"""Learn from logged conversations in which order to recommend: counts, a two-tower model, and their fusion."""

from finetune.ranker.fitting import Config, Logged, Rating, cross_fitted, fit, learn

__all__ = ["Config", "Logged", "Rating", "cross_fitted", "fit", "learn"]
