"""Simulated users: people with known wishes who talk with the recommender, so that every success can be counted."""
