"""The command goes on after whatever happens in a part, says so, and ends with a status that means something."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.gpu_check import needs
from scripts.gpu_check.__main__ import CANNOT, FAILED, PASSED, _check, main
from scripts.gpu_check.parts import PARTS, Part, room_for
from scripts.gpu_check.report import Report
from scripts.gpu_check.rows import DeviceLostError, Row, Sheet, verdict
from scripts.gpu_check.supervisor import End

OUTCOMES = {"passed", "failed", "missed", "measured", "not on a CPU"}


def sick(*names: str, seconds: float = 200.0) -> list[Part]:
    return [Part(number, f"tests.gpu_check.sick.{name}", name, seconds) for number, name in enumerate(names, 1)]


def rehearse(path: Path, parts: list[Part]) -> tuple[int, dict[str, Any]]:
    status = main(["--rehearse", "--json", str(path), "--minutes", "30"], parts)
    told: dict[str, Any] = json.loads(path.read_text())
    return status, told


def test_a_part_that_fails_raises_or_dies_is_told_and_the_others_are_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("fine", "wrong", "raises", "fine", "dies", "silent", "lost", "fine")
    status, told = rehearse(tmp_path / "found.json", sick(*names))
    assert status == FAILED
    assert told["outcome"] == "failed"
    assert [part["name"] for part in told["parts"]] == list(names)
    outcomes = [part["outcome"] for part in told["parts"]]
    assert outcomes == ["passed", "failed", "failed", "passed", "failed", "failed", "failed", "passed"]
    _, wrong, raises, _, dies, _, lost, _ = told["parts"]
    assert [row["outcome"] for row in wrong["rows"]] == ["failed", "failed", "measured", "missed", "passed"]
    assert "illegal memory access" in wrong["rows"][1]["detail"]
    assert "wrong.py" in wrong["rows"][1]["detail"]
    assert wrong["rows"][2]["figures"] == {"ratio": None}
    assert "ValueError: no such thing" in raises["error"]
    assert [row["name"] for row in dies["rows"]] == ["before"]
    assert "SIGKILL" in dies["error"]
    assert "these are my last words" in dies["error"]
    assert [row["name"] for row in lost["rows"]] == ["the last"]
    assert "after “the last”" in lost["error"]
    printed = capsys.readouterr().out
    table = printed[printed.rindex("part  ") :]
    for line in ("failed: wrong: raises: RuntimeError", "missed: wrong: slow: 9 of 10", "failed: raises: ValueError"):
        assert line in table


def test_a_part_that_hangs_is_ended_with_all_that_it_started_and_the_next_is_done(tmp_path: Path) -> None:
    hangs, fine = sick("hangs", "fine")
    # The second has set aside all of the thirty minutes but ten seconds: so many are left for the first at most.
    parts = [Part(1, hangs.module, "hangs", 1.0), Part(2, fine.module, "fine", 1790.0)]
    status, told = rehearse(tmp_path / "found.json", parts)
    assert status == FAILED
    hung, after = told["parts"]
    assert hung["outcome"] == "ended"
    assert 0 < hung["limit_s"] <= 10
    assert hung["error"] == f"it was ended after {hung['limit_s']:.0f} s"
    assert gone(hung["rows"][0]["figures"]["pid"])
    assert after["outcome"] == "passed"


def gone(pid: int) -> bool:
    """Whether a process has ended, though perhaps nobody has taken note of it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


class Idle:
    """A crew that does nothing."""

    def __init__(self, gpu: dict[str, Any] | None) -> None:
        self._gpu = gpu

    def machine(self, limit_s: float) -> tuple[dict[str, Any], End]:
        return {"gpu": self._gpu, "why": "none", "torch": "2", "cuda": None, "python": "3"}, End("done")

    def do(self, module: str, limit_s: float, hear: Callable[[dict[str, Any]], None]) -> End:
        hear(Row("row", verdict(True)).plain())
        return End("done")


def test_parts_for_which_no_time_is_left_are_said_to_be_left_out(tmp_path: Path) -> None:
    out, path = io.StringIO(), tmp_path / "found.json"
    status = _check(PARTS[:2], Idle(None), Report(path, True, {}, out), time.monotonic() + 5, rehearse=True)  # type: ignore[arg-type]
    told = json.loads(path.read_text())
    assert status == FAILED
    assert [part["outcome"] for part in told["parts"]] == ["left out", "left out"]
    assert "were left of the whole, and it needs up to 35" in told["parts"][0]["error"]
    assert out.getvalue().count("left out, ") == 2


def test_what_earlier_parts_did_not_need_is_there_for_the_next_but_not_what_later_ones_have_set_aside() -> None:
    part, later = PARTS[0], [Part(2, "x", "x", 100.0)]
    assert room_for(part, later, 400) == 300
    assert room_for(part, later, 120) == part.seconds
    assert room_for(part, later, 20) == 20
    assert room_for(part, later, 10) is None
    assert room_for(part, [], 400) == 400


def test_the_parts_fit_into_eight_minutes() -> None:
    assert sum(part.seconds for part in PARTS) <= 460  # and 20 seconds to load PyTorch for the first time
    assert [part.number for part in PARTS] == list(range(1, 10))


def test_all_passed_is_told_as_such(tmp_path: Path) -> None:
    out, path = io.StringIO(), tmp_path / "found.json"
    crew, later = Idle({"name": "GPU"}), time.monotonic() + 480
    assert _check(PARTS, crew, Report(path, False, {}, out), later, rehearse=False) == PASSED  # type: ignore[arg-type]
    assert json.loads(path.read_text())["outcome"] == "passed"
    assert "GPU, driver unknown" in out.getvalue()


def test_without_a_gpu_it_says_so_and_ends_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    path = tmp_path / "found.json"
    assert main(["--json", str(path)]) == CANNOT
    assert "There is no GPU that PyTorch can use here" in capsys.readouterr().out
    told = json.loads(path.read_text())
    assert (told["outcome"], told["parts"], told["machine"]["gpu"]) == ("no GPU", [], None)
    assert told["machine"]["why"]


def test_missing_modules_are_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(needs, "find_spec", lambda name: None if name in ("safetensors", "sklearn") else name)
    assert main(["--json", str(tmp_path / "found.json")]) == CANNOT
    printed = capsys.readouterr().out
    assert "Python finds no sklearn, safetensors." in printed
    assert "Install scikit-learn on this machine." in printed
    assert "--target carried" in printed


def test_needs_prints_pinned_lines_and_starts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--needs"]) == PASSED
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition("==")[0] for line in lines] == sorted(needs.CARRIED)
    assert set(lines) <= set(needs.LOCK.read_text().splitlines())


@pytest.mark.parametrize("wrong", ["0", "1,12", "x", ""])
def test_parts_that_are_none_are_refused_by_name(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--parts", wrong])
    assert end.value.code == CANNOT
    assert f"'{wrong}' names no parts: they are 1 to 9" in capsys.readouterr().err


def test_a_sheet_notices_that_the_device_is_lost_and_keeps_the_row() -> None:
    rows: list[Row] = []

    def dead() -> None:
        raise RuntimeError("CUDA error")

    with pytest.raises(DeviceLostError, match="after “one” the device cannot be used any more: CUDA error"):
        Sheet("cuda", False, rows.append, dead).attempt("one", lambda: verdict(True))
    assert [row.name for row in rows] == ["one"]


@pytest.mark.timeout(900)
def test_a_rehearsal_does_every_part_on_the_cpu_and_passes_nothing_that_only_a_gpu_can(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "found.json"
    status = main(["--rehearse", "--json", str(path), "--minutes", "30"])
    told = json.loads(path.read_text())
    wrong = [row for part in told["parts"] for row in part["rows"] if row["outcome"] in ("failed", "missed")]
    assert (status, wrong) == (PASSED, [])
    assert told["format"] == 1
    assert told["outcome"] == "rehearsed"
    assert told["rehearsal"] is True
    assert {"torch", "numpy", "scikit-learn", "python", "gpu", "cores"} <= set(told["machine"])
    assert [part["number"] for part in told["parts"]] == list(range(1, 10))
    keys = {"number", "name", "title", "outcome", "error", "seconds", "limit_s", "rows"}
    for part in told["parts"]:
        assert set(part) == keys
        assert part["outcome"] in ("passed", "not on a CPU")
        assert part["rows"]
        for row in part["rows"]:
            assert set(row) == {"name", "outcome", "detail", "figures"}
            assert row["outcome"] in OUTCOMES
    of = {part["name"]: {row["name"]: row["outcome"] for row in part["rows"]} for part in told["parts"]}
    for part, row in (
        ("recorded", "the default run"),
        ("replayed", "mlp, adam, float64"),
        ("waiting", "the default run"),
        ("memory", "4 re-recordings"),
        ("looking", "mlp: damage"),
        ("speed", "lanes that are free"),
        ("speed", "64 lanes, times one after the other"),
    ):
        assert of[part][row] == "not on a CPU", (part, row)
    assert of["masks"]["full range of the noise"] == "passed"
    assert of["workers"]["one worker"] == "passed"
    assert not [name for name in os.listdir(path.parent) if name != "found.json"]
