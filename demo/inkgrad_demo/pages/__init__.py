"""The pages of the app: each a module with ``NAME``, the prefix of its texts, and ``build()``."""
