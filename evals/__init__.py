"""Scripted dialogue evaluations and benchmarks over the same recommender that people talk to."""
