"""Copy the figures of README's table from the benchmark's: ``python docs/figures.py``.

README keeps its own selection of rows; their values come from benchmarks/results/table.md.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
RESULTS = ROOT / "benchmarks" / "results" / "table.md"

# op, case and direction, which identify a row; then native and ours, and the ratio on one and on
# two threads, with AVX-512 and with AVX2
ROW = re.compile(r"^\| (\S+) \| ([^|]+) \| (fwd|fwd\+bwd|epoch) \|(?: ([^|]+) \|){6}", re.M)


def updated(readme: str, results: str) -> str:
    """Return the text of README with the figures of the results."""
    figures = {match.groups()[:3]: match[0] for match in ROW.finditer(results)}

    def row(match: re.Match[str]) -> str:
        found = figures.get(match.groups()[:3])
        if found is None:
            sys.exit(f"{RESULTS.name}: expected a row like README's: {match[0]}")
        return re.sub(r"\*\*| \*\(missed\)\*", "", found)

    return ROW.sub(row, readme)


if __name__ == "__main__":
    README.write_text(
        updated(README.read_text(encoding="utf-8"), RESULTS.read_text(encoding="utf-8")),
        encoding="utf-8",
    )
