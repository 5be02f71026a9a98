"""``python -m leafcode`` is the command ``leafcode``."""

import sys

from leafcode.cli import main

sys.exit(main())
