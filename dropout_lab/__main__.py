"""``python -m dropout_lab``: the same as ``dropout-lab``, wherever that command is not on the path."""

from __future__ import annotations

import sys

from dropout_lab.cli import main

if __name__ == "__main__":
    sys.exit(main())
