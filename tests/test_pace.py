"""Time-outs grow with what a machine is slower than the one that they were chosen for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import pace
from tests.conftest import TEST_TIMEOUT_S, TIMEOUT_FACTOR, timeout_of


def test_a_machine_that_is_as_fast_as_the_reference_keeps_the_time_outs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "QUIET_S", 1e9)
    assert pace.slowness() == 1.0


def test_a_machine_that_takes_many_times_longer_stretches_them_as_many_times(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.2, 1.0, 1.9, 2.0, 2.3, 3.0, 3.3, 4.0, 4.3])  # pieces of .2, .9, .3, .3 and .3 s
    monkeypatch.setattr(pace, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    monkeypatch.setattr(pace, "QUIET_S", 0.1)
    assert pace.slowness() == pytest.approx(3.0)


@pytest.mark.parametrize(("load", "cores", "factor"), [(0.5, 2, 1), (2, 2, 1), (10, 2, 5), (10, 16, 1), (90, 2, 6)])
def test_programs_that_wait_for_a_core_stretch_them(load: float, cores: int, factor: float) -> None:
    assert pace.crowding(load, cores) == factor


def test_a_time_out_is_stretched_by_what_is_known_when_its_test_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (5.0 * (os.cpu_count() or 1), 0.0, 0.0))
    assert timeout_of(10.0) == pytest.approx(10.0 * max(TIMEOUT_FACTOR, 5.0))


def test_every_test_has_one(request: pytest.FixtureRequest) -> None:
    marker = request.node.get_closest_marker("timeout")
    assert marker is not None
    assert marker.args[0] >= TEST_TIMEOUT_S * TIMEOUT_FACTOR


def test_a_test_that_hangs_is_ended(tmp_path: Path) -> None:
    Path(tmp_path, "test_hang.py").write_text(
        "import time, pytest\n@pytest.mark.timeout(1)\ndef test_hang():\n    time.sleep(1e6)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60 * TIMEOUT_FACTOR,
    )
    assert ended.returncode == 1
    assert "Timeout" in ended.stdout
