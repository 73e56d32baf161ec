"""How the numbers of each lesson are shown: ``parts(numbers, say)`` of a module per lesson.

All words are of the catalogue, those inside of pictures as well; symbols and the names that code
has (``data``, ``grad``, ``MulBackward0``) are the same in every language.
"""
