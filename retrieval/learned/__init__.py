"""What a catalog's logged conversations teach about ranking it: co-liking, a two-tower model, and their fusion."""

from retrieval.learned.co_liking import CoLiking
from retrieval.learned.ranker import RECORD, LearnedRanker, ranker_folder
from retrieval.learned.two_tower import TwoTower

__all__ = ["RECORD", "CoLiking", "LearnedRanker", "TwoTower", "ranker_folder"]
