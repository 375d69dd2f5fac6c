"""`python -m tui.cli`: the program, by hand; `python -P -m papertape` is how it starts itself.

Without `-P` Python imports from the current folder first. It is taken out before anything but the
standard library is imported; a `tui` of its own that lies there has run instead of this by then.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parents[2]

if not sys.flags.safe_path and Path(sys.path[0] or os.curdir).resolve() != _HERE:
    del sys.path[0]

from papertape import main  # noqa: E402  from beside this package, not from the folder

sys.exit(main())
