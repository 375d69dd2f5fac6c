"""`python -P -m tui.cli`: the command line alone; `python -P -m papertape` is the program."""

from __future__ import annotations

import sys

from tui.cli.main import main

sys.exit(main())
