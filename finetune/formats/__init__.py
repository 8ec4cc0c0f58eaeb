"""Conversations in other people's formats: what goes out to other programs, and what comes in from them."""
