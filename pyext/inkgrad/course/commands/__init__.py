"""``inkgrad train``, ``inkgrad predict`` and ``inkgrad lesson``."""
