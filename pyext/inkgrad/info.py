"""``inkgrad info``: print :func:`inkgrad.build_config` as a table or as JSON."""

from __future__ import annotations

import argparse
import json

from inkgrad.build import build_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``inkgrad info``."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object instead of a table"
    )


def run(args: argparse.Namespace) -> int:
    """Print the table or the JSON object; return 0."""
    config = build_config()
    if args.json:
        print(json.dumps(config, indent=2))
        return 0
    width = max(map(len, config))
    for name, value in config.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        print(f"{name.replace('_', ' '):<{width}}  {shown if shown else '-'}")
    return 0
