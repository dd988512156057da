"""Whatever is cut off, and wherever: the store opens again, and holds the last whole state."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from app.store.files import UNFINISHED, Disk
from app.store.records import Checkpoint, RunRecord, digest_of
from app.store.store import FOLDER, Store
from tests.store.conftest import Place

STEPS = (100, 200, 300, 400)


class CutOffError(Exception):
    """The process ends here."""


class Fuse:
    """Counts what is done, and cuts off at one of the deeds: before it, in its midst, or just after it.

    Args:
        at: the number of the deed, from 0; -1 never.
        when: ``before``, ``amid`` or ``after``.
    """

    def __init__(self, at: int = -1, when: str = "before") -> None:
        self.at, self.when, self.count = at, when, -1

    def do(self, deed: Callable[[], None], amid: Callable[[], None] = lambda: None) -> None:
        self.count += 1
        if self.count == self.at and self.when != "after":
            if self.when == "amid":
                amid()
            raise CutOffError
        deed()
        if self.count == self.at:
            raise CutOffError


class FusedDisk(Disk):
    """Files behind a fuse."""

    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse

    def write(self, path: Path, data: bytes) -> None:
        def half() -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_name(path.name + UNFINISHED).write_bytes(data[: len(data) // 2])

        self.fuse.do(lambda: super(FusedDisk, self).write(path, data), half)

    def remove(self, path: Path) -> None:
        self.fuse.do(lambda: super(FusedDisk, self).remove(path))


def fuse_database(store: Store, fuse: Fuse) -> None:
    """Put every statement that writes, and every commit, behind the fuse."""

    def statement(connection: Any, cursor: Any, text: str, *rest: Any) -> None:
        if text.split()[0] in ("INSERT", "UPDATE", "DELETE"):
            fuse.do(lambda: None)

    event.listen(store._engine, "before_cursor_execute", statement)
    event.listen(store._engine, "commit", lambda connection: fuse.do(lambda: None))


def state(step: int) -> Checkpoint:
    return Checkpoint(step, b"the state of step %d" % step, "cpu")


def story(store: Store, done: list[int]) -> None:
    """A run that is opened, changed and saved four times, and deleted; ``done`` holds what was acknowledged."""
    store.save_run(RunRecord("a", digest_of("t"), {"seed": 0}, {}, 1.0, 1.0))
    for step in STEPS:
        store.add_changes("a", [{"step": step + 1, "knobs": {"l2": step / 1000}}])
        store.save_checkpoint("a", state(step), float(step))
        done.append(step)
    store.delete_run("a")


def deeds(place: Place) -> int:
    fuse = Fuse()
    store = place.open(files=FusedDisk(fuse))
    fuse_database(store, fuse)
    story(store, [])
    store.close()
    return fuse.count + 1


@pytest.mark.parametrize("when", ["before", "amid", "after"])
def test_every_write_may_be_the_last(place: Place, when: str) -> None:
    count = deeds(place)
    assert count > 30
    for at in range(count):
        fuse, done = Fuse(at, when), list[int]()
        store = place.open(files=FusedDisk(fuse))
        fuse_database(store, fuse)
        with pytest.raises(CutOffError):
            story(store, done)
        store.close()
        again = place.open()
        run = again.run("a")
        found = again.newest_checkpoint("a")
        # The last state that was acknowledged, or the one that was being written, if it was whole already.
        allowed = {done[-1] if done else None, STEPS[len(done)] if len(done) < len(STEPS) else None}
        if len(done) == len(STEPS) and run is None:  # it was being deleted
            allowed = {None}
        assert (found and found.step) in allowed, (at, when)
        if found is not None:
            assert run is not None
            assert found == state(found.step)
            assert run.step == found.step
            assert {change["step"] - 1 for change in run.changes} >= {*done}
        named = {f"{each.step}.safetensors" for each in [found] if each is not None}
        there = {path.name for path in (place.folder / FOLDER).rglob("*") if path.is_file()}
        assert named <= there <= {f"{step}.safetensors" for step in STEPS}
        again.delete_run("a")
        assert not [path for path in (place.folder / FOLDER).rglob("*") if path.is_file()]
        again.close()


def test_a_full_disk_costs_a_checkpoint_and_nothing_else(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    store = place.open()
    store.save_run(RunRecord("a", digest_of("t"), {"seed": 0}, {}, 1.0, 1.0))
    store.save_checkpoint("a", state(100), 1.0)
    with monkeypatch.context() as patch:

        def full(handle: int) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            store.save_checkpoint("a", state(200), 2.0)
    assert store.newest_checkpoint("a") == state(100)
    assert [path.name for path in (place.folder / FOLDER).rglob("*") if path.is_file()] == ["100.safetensors"]
    store.save_checkpoint("a", state(300), 3.0)
    assert store.newest_checkpoint("a") == state(300)
    store.close()
