"""Conversations in, a better adapter out."""
