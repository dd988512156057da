"""Writes requirements.lock, -build.lock and -dev.lock: the version of everything that is installed and needed.

Run by ``make lock`` with the Python of an environment that the three ``.in`` files were installed into.
A lock file names versions and not where they come from, so it suits any index and either build of torch.
"""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]


def wanted(path: Path) -> list[Requirement]:
    """The requirements that a ``.in`` file lists."""
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def closure(requirements: list[Requirement]) -> dict[str, str]:
    """Everything that the requirements need here, themselves included: a lock file's line for each name."""
    markers = {canonicalize_name(each.name): each.marker for each in requirements if each.marker}
    lines: dict[str, str] = {}
    done: set[tuple[str, str]] = set()
    todo = [(canonicalize_name(each.name), extra) for each in requirements for extra in ("", *each.extras)]
    while todo:
        name, extra = todo.pop()
        if (name, extra) in done:
            continue
        done.add((name, extra))
        found = distribution(name)
        marker = f"; {markers[name]}" if name in markers else ""
        lines[name] = f"{name}=={Version(found.version).public}{marker}"
        for needed in map(Requirement, found.requires or []):
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                todo += [(canonicalize_name(needed.name), each) for each in ("", *needed.extras)]
    return lines


def write(path: Path, first: str, lines: dict[str, str]) -> None:
    """Write a lock file, its lines in alphabetical order."""
    path.write_text("\n".join([first, *(lines[name] for name in sorted(lines))]) + "\n")
    print(f"{path.name}: {len(lines)} packages")


def main() -> None:
    """Write all three files."""
    runtime = closure(wanted(ROOT / "requirements.in"))
    build = closure(wanted(ROOT / "requirements-build.in"))
    everything = closure(wanted(ROOT / "requirements.in") + wanted(ROOT / "requirements-dev.in"))
    dev = {name: line for name, line in everything.items() if name not in runtime | build}
    write(ROOT / "requirements.lock", "# Made by `make lock` from requirements.in.", runtime)
    write(ROOT / "requirements-build.lock", "# Made by `make lock` from requirements-build.in.", build)
    first = "# Made by `make lock` from requirements-dev.in.\n-r requirements.lock\n-r requirements-build.lock"
    write(ROOT / "requirements-dev.lock", first, dev)


if __name__ == "__main__":
    main()
