"""Checks and benchmarks in worker processes."""
