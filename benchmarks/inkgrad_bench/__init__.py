"""Benchmarks of inkgrad: the kernels against native torch (``inkgrad bench``), and the app."""
