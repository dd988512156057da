"""``python -m scripts.wheel``: makes the wheel in ``dist/``, for ``make wheel``."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from scripts.wheel.backend import build_wheel
from scripts.wheel.rewrite import RewriteError
from scripts.wheel.staging import ROOT, StagingError

DIST: Final = ROOT / "dist"


def main() -> int:
    """Make the wheel and say where it is; the exit status."""
    try:
        made = DIST / build_wheel(str(DIST))
    except (StagingError, RewriteError, OSError, subprocess.CalledProcessError) as error:
        print(f"There is no wheel: {error}", file=sys.stderr)
        return 1
    print(f"{made.relative_to(ROOT)}: {made.stat().st_size / 1e6:.1f} MB; pip install {made.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
