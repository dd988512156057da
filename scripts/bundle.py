"""Bundles the page's files, with esbuild, into ``built/``: ``make page``, and the image."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from app.delivery import BUILT, HEAD, MANIFEST, ROOM_SHEETS, SHEETS, STATIC, first_views
from app.sources import version_of
from scripts.npm import environment, node
from trainer.settings.panels import PANELS

SCRIPT: Final = Path(__file__).with_suffix(".mjs")


def bundle(source: Path = STATIC, out: Path = BUILT) -> dict[str, Any]:
    """Bundle the page; what the manifest says.

    Args:
        source: where its single files are.
        out: where the bundle goes; what was there before is removed.

    Raises:
        OSError, subprocess.CalledProcessError: Node.js or a package is not there, or a file has an error.
    """
    order = {
        "source": str(source),
        "out": str(out),
        "sources": version_of(source),
        "first": first_views(),
        "panels": [panel.id for panel in PANELS],
        "sheets": SHEETS,
        "head": HEAD,
        "rooms": ROOM_SHEETS,
    }
    out.mkdir(exist_ok=True)
    subprocess.run([node(), str(SCRIPT)], input=json.dumps(order), text=True, check=True, env=environment())
    told: dict[str, Any] = json.loads((out / MANIFEST).read_text())
    return told


def main() -> int:
    """Bundle the page and say how large it is."""
    try:
        told = bundle()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"The page could not be bundled: {error}", file=sys.stderr)
        return 1
    place = BUILT / told["version"]
    total = sum((place / name).stat().st_size for name in told["files"])
    sent = sum(min(each.stat().st_size for each in place.glob(f"{name}*")) for name in told["files"])
    print(f"The page: {len(told['files'])} files of {total / 1000:,.0f} KB, {sent / 1000:,.0f} KB as they are sent.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
