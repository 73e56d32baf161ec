"""Checks and benchmarks: a queue, and the worker processes that run them."""
