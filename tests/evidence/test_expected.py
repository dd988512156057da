"""What is expected is there for every experiment, whole, and for the page as plain data."""

from __future__ import annotations

import json
import math
import statistics

import pytest

from evidence.measures import MEASURES
from trainer.presets import PRESETS
from trainer.presets.expected import FILE, Row, described, expected, expected_for
from trainer.presets.seeds import Source, values_of

IDS = [preset.id for preset in PRESETS]


def test_every_experiment_has_rows_and_is_measured_and_no_other() -> None:
    assert set(MEASURES) == set(IDS)
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
            assert row.low is row.high is None
        assert row.unit in ("nats", "%", "points", "×", "steps", "")


def test_the_page_gets_the_values_of_every_seed_and_no_claims() -> None:
    told = described("twin")
    assert (told[0]["id"], told[0]["unit"]) == ("val_loss/without@200", "nats")
    assert dict(zip(told[0]["seeds"], told[0]["values"], strict=True)) == values_of("lab", "twin", told[0]["id"])
    assert len(told[0]["values"]) >= 5
    assert "sd" not in told[0]
    assert len(told) == sum(not row.is_claim for row in expected_for("twin"))
    assert json.loads(json.dumps([described(preset) for preset in IDS], allow_nan=False))


def test_a_row_expects_what_plain_pytorch_came_to_or_else_the_lab() -> None:
    for preset in IDS:
        for row in expected_for(preset):
            if not row.is_claim:
                source: Source = "plain" if row.origin == "plain PyTorch" else "lab"
                values = [each for each in values_of(source, preset, row.id).values() if not math.isnan(each)]
                assert row.seeds == len(values)
                assert row.expected == pytest.approx(statistics.fmean(values))
                assert row.sd == pytest.approx(statistics.stdev(values))


def test_nothing_is_expected_of_an_experiment_that_is_not_there() -> None:
    assert expected_for("nothing") == ()
    assert described("nothing") == []


def test_the_file_has_one_row_a_line() -> None:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line.strip().rstrip(",")) for line in lines if line.strip().startswith('{"id"')]
    assert len(rows) == sum(map(len, expected().values()))
    assert all(Row(**row).id for row in rows)
