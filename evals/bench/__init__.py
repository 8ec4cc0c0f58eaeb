"""Benchmarks: fixed data in, figures with their floors and standard errors out."""
