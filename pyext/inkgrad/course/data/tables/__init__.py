"""Tables as people have them: delimited text of any kind and Excel files, as features and labels.

The parser is pandas: it reads a million rows in a second, and knows the many ways in which missing
values, quotes and numbers are written. What it leaves open is decided here: the encoding and the
delimiter (:mod:`.decoding`, :mod:`.dialect`), what each column is (:mod:`.columns`), the labels
(:mod:`.labels`), and the inputs of a model (:mod:`.schema`).
"""

from inkgrad.course.data.errors import DataError
from inkgrad.course.data.tables.decoding import ENCODINGS
from inkgrad.course.data.tables.options import Limits, TableOptions
from inkgrad.course.data.tables.schema import Schema
from inkgrad.course.data.tables.table import Table, parse, read

__all__ = ["ENCODINGS", "DataError", "Limits", "Schema", "Table", "TableOptions", "parse", "read"]
