"""What is expected is there for every experiment, whole, and for the page as plain data."""

from __future__ import annotations

import json

import pytest

from evidence.measures import MEASURES
from trainer.presets import PRESETS
from trainer.presets.expected import FILE, Row, described, expected, expected_for

IDS = [preset.id for preset in PRESETS]


def test_every_experiment_has_rows_and_is_measured_and_no_other() -> None:
    assert list(MEASURES) == IDS
    assert set(expected()) == set(IDS)
    assert all(expected_for(preset) for preset in IDS)


@pytest.mark.parametrize("preset", IDS)
def test_every_row_has_a_name_of_its_own_and_what_its_kind_needs(preset: str) -> None:
    rows = expected_for(preset)
    assert len({row.id for row in rows}) == len({row.label for row in rows}) == len(rows)
    for row in rows:
        if row.is_claim:
            assert row.low is not None or row.high is not None
            assert row.expected is None
            assert row.sd is None
        else:
            assert row.expected is not None
            assert row.sd is not None
            assert row.sd >= 0
            assert row.seeds >= 5
            assert row.low is None or row.low <= row.expected
            assert row.high is None or row.expected <= row.high
        assert row.unit in ("nats", "%", "points", "×", "steps", "")


def test_the_page_gets_the_figures_and_no_claims() -> None:
    told = described("twin")
    assert told[0] == {
        "label": "Validation loss without dropout, step 200",
        "value": 0.593,
        "sd": 0.073,
        "seeds": 10,
        "unit": "nats",
        "origin": "plain PyTorch",
        "note": "",
    }
    assert len(told) == sum(not row.is_claim for row in expected_for("twin"))
    assert json.loads(json.dumps([described(preset) for preset in IDS], allow_nan=False))


def test_nothing_is_expected_of_an_experiment_that_is_not_there() -> None:
    assert expected_for("nothing") == ()
    assert described("nothing") == []


def test_the_file_has_one_row_a_line() -> None:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line.strip().rstrip(",")) for line in lines if line.strip().startswith('{"id"')]
    assert len(rows) == sum(map(len, expected().values()))
    assert all(Row(**row).id for row in rows)
