"""Learn from logged conversations in which order to recommend: counts, a two-tower model, and their fusion."""

from finetune.ranker.fitting import Config, Held, Logged, Rating, cross_fitted, fit, fold_of, learn

__all__ = ["Config", "Held", "Logged", "Rating", "cross_fitted", "fit", "fold_of", "learn"]
