"""``python -m inkgrad``: the inkgrad command where it is not on the PATH."""

import sys

from inkgrad.cli import main

sys.exit(main())
