"""How the numbers of each lesson are shown: ``parts(numbers, say)`` of a module per lesson.

What is written inside a picture is the same in every language (symbols and the terms of the
course), because the fonts that come with matplotlib have no Chinese; captions and tables are
translated.
"""
