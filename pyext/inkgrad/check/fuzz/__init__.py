"""A differential fuzzer: random calls of the ops, Chain and patch, each compared with native torch.

``python -m inkgrad.check.fuzz --seconds 60 --seed 1`` draws cases (:mod:`.cases`), runs each in a
child process (:mod:`.runners`), and prints every case whose result differs from native's, or that
ends the child. A case is one line of JSON, which ``--case`` runs again.
"""
