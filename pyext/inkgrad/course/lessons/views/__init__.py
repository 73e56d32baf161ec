"""How the results of each lesson are shown: one module per lesson, with ``blocks(numbers, text)``.

All texts come from the catalogue, also those inside plots; symbols and names from code (``data``,
``grad``, ``MulBackward0``) are the same in every language.
"""
