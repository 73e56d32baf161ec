"""Run the ``inkgrad`` command as ``python -m inkgrad``, without a script on the PATH."""

import sys

from inkgrad.cli import main

sys.exit(main())
