"""What was measured is kept, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from evidence import results, running
from evidence.__main__ import take_over
from evidence.results import Results
from evidence.running import Progress, Task, run, tasks
from trainer.presets import find_preset
from trainer.presets.seeds import values_of


def test_values_are_read_again_as_they_were_written(tmp_path: Path) -> None:
    Results(tmp_path / "kept.json").put("twin", 3, {"a": 1.5, "b": math.nan})
    held = Results(tmp_path / "kept.json").get("twin", 3)
    assert held is not None
    assert held["a"] == 1.5
    assert math.isnan(held["b"])
    assert Results(tmp_path / "kept.json").get("twin", 2) is None


def test_a_fresh_start_forgets(tmp_path: Path) -> None:
    Results(tmp_path / "kept.json").put("twin", 0, {"a": 1.0})
    assert Results(tmp_path / "kept.json", fresh=True).get("twin", 0) is None


def test_what_other_code_measured_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Results(tmp_path / "kept.json").put("twin", 0, {"a": 1.0})
    monkeypatch.setattr(results, "mark", lambda: "other")
    assert Results(tmp_path / "kept.json").get("twin", 0) is None


def test_the_mark_changes_with_the_code_that_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (
        "trainer/training/judge.py",
        "evidence/measures/dense.py",
        "evidence/plain/training.py",
        "evidence/trained.py",
    ):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("one = 1\n")
    monkeypatch.setattr(results, "ROOT", tmp_path)
    before = results.mark()
    assert results.mark() == before
    (tmp_path / "trainer/training/judge.py").write_text("one = 2\n")
    assert results.mark() != before


@pytest.mark.parametrize("held", ["", "{", "[]", '{"mark": "x"}'])
def test_a_file_that_is_none_counts_as_nothing(tmp_path: Path, held: str) -> None:
    (tmp_path / "kept.json").write_text(held)
    assert Results(tmp_path / "kept.json").get("twin", 0) is None


def test_what_is_finished_is_not_done_again(tmp_path: Path) -> None:
    kept = Results(tmp_path / "kept.json")
    for task in tasks(["twin", "layers"], 2):
        kept.put(task.name, task.seed, {"a": 1.0})
    told: list[Progress] = []
    assert set(run(tasks(["twin", "layers"], 2), Results(tmp_path / "kept.json"), told.append)) == {"twin", "layers"}
    assert told == []


def test_a_run_that_was_stopped_does_only_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two experiments are trained by processes of their own, of which one is a stand-in that a test can afford."""
    monkeypatch.setattr(running, "measure_one", quick)
    kept = Results(tmp_path / "kept.json")
    kept.put("lab/twin", 1, {"a": 7.0})
    told: list[Progress] = []
    finished = list(run(tasks(["twin", "layers"], 2), kept, told.append, processes=1))
    assert finished == ["twin", "layers"]
    first = [Task("layers", 1), Task("twin", 1, "plain"), Task("layers", 1, "plain")]
    second = [Task(preset, 2, source) for source in ("lab", "plain") for preset in ("twin", "layers")]
    assert [each.task for each in told] == [*first, *second]
    assert [(each.done, each.total) for each in told] == [(done, 7) for done in range(1, 8)]
    assert told[-1].left_s == pytest.approx(0)
    values = json.loads((tmp_path / "kept.json").read_text())["values"]
    assert values["lab/twin"] == {"1": {"a": 7.0}, "2": {"a": 2.0}}
    assert values["plain/layers"] == {"1": {"a": 1.0}, "2": {"a": 2.0}}


def quick(task: Task) -> tuple[dict[str, float], float]:
    """What a test can afford to train: nothing."""
    return {"a": float(task.seed)}, 0.1


def test_more_work_weighs_more() -> None:
    weights = [Task(name, 0).weight for name in ("twin", "rate", "rate-constant-width")]
    assert weights == sorted(weights)
    assert Task("search", 0).weight > Task("twin", 0).weight


def test_what_the_page_has_is_taken_over(tmp_path: Path) -> None:
    held = Results(tmp_path / "kept.json")
    held.put("lab/twin", 1, {"val_loss/without@200": 9.0})
    take_over(held, [find_preset("twin")])
    stored = values_of("lab", "twin", "val_loss/without@200")
    assert {seed: (held.get("lab/twin", seed) or {})["val_loss/without@200"] for seed in stored} == {**stored, 1: 9.0}
    assert held.get("plain/twin", max(stored)) is not None
    assert held.get("lab/twin", max(stored) + 1) is None
