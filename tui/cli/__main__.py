"""`python -P -m tui.cli`: the command line, where the console script is not on the PATH.

Without `-P` Python would import from the folder it stands in first.
"""

from __future__ import annotations

import sys

from tui.cli.main import main

sys.exit(main())
