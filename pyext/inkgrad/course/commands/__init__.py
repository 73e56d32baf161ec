"""The commands ``inkgrad train``, ``inkgrad predict`` and ``inkgrad lesson``.

Imports everything else of the course, and is imported by the command line only.
"""
