"""The table and the report say what came out, in words and without a network."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from evidence import __main__ as command
from evidence.pictures import picture
from evidence.report import html
from evidence.results import Results
from evidence.table import expected, measured, number, summary, text
from evidence.verdict import Verdict, judge
from trainer.presets import PRESETS, find_preset
from trainer.presets.expected import Row, expected_for

LOSS = Row("loss", "Loss <b>", "nats", expected=0.5, sd=0.03, seeds=5)
CLAIM = Row("floor", "Each", "%", kind="each", low=60)
GONE = Row("gone", "Gone", "×", expected=1.0, sd=0.01, seeds=5, not_reproduced="the network is another one")


def three() -> list[Verdict]:
    return [judge(LOSS, [0.5, 0.51, 0.49]), judge(CLAIM, [70.0, 50.0, 65.0]), judge(GONE, [2.0, 2.0, 2.1])]


def pretended(preset: str) -> dict[str, float]:
    """Values that are inside of everything."""
    found = {}
    for row in expected_for(preset):
        limits = [limit for limit in (row.low, row.high) if limit is not None]
        found[row.id] = (row.expected or 0.0) if not row.is_claim else sum(limits) / len(limits)
    return found


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (1.6917, "nats", "1.692"),
        (0.0055, "", "0.0055"),
        (91.78, "%", "91.8"),
        (-1.04, "points", "−1.0"),
        (-0.01, "points", "0.0"),
        (2.437, "×", "2.44"),
        (1519.4, "steps", "1,519"),
        (None, "%", "–"),
        (math.nan, "nats", "–"),
        (-math.inf, "nats", "−∞"),
    ],
)
def test_numbers_have_the_digits_that_their_unit_deserves(value: float | None, unit: str, said: str) -> None:
    assert number(value, unit) == said


def test_what_is_expected_is_said_in_words() -> None:
    assert expected(LOSS) == "0.500 ± 0.030"
    assert expected(CLAIM) == "at least 60.0"
    assert expected(Row("x", "x", "×", kind="each", high=1.5)) == "at most 1.50"
    assert expected(Row("x", "x", "points", kind="each", low=-2.5, high=2.5)) == "−2.5 to 2.5"
    assert expected(Row("x", "x", "%", kind="each", low=100, high=100)) == "100.0 exactly"


def test_a_claim_on_each_seed_is_answered_with_the_range_of_seeds() -> None:
    assert measured(three()[1]) == "50.0 … 70.0"
    assert measured(three()[0]) == "0.500 ± 0.010"


def test_the_table_marks_what_is_outside_and_says_why_what_is_known_is_not_reproduced() -> None:
    lines = text(find_preset("twin"), three()).splitlines()
    marks = {line[2:6].strip(): line[0] for line in lines if line and line[2:6].strip()}
    assert marks["Loss"] == " "
    assert marks["Each"] == "✗"
    assert marks["Gone"] == "~"
    assert "not reproduced: the network is another one" in lines[-1]
    assert summary(three()) == "1 of 3 rows inside, 1 outside, 1 not reproduced."


def test_the_report_is_one_file_that_asks_nothing_of_a_network() -> None:
    page = html([(find_preset("twin"), three())], 3)
    own = re.sub(
        r"<script>.*?</script>", "", page, flags=re.DOTALL
    )  # Plotly itself holds addresses that it does not use
    assert not re.search(r"(?:src|href)=[\"'](?!#)", own)
    assert "Plotly.newPlot" in page
    assert page.count("plotly.js v") == 1  # once, however many pictures
    assert "&lt;b&gt;" in own
    assert "<b>" not in own


def test_the_report_tells_the_question_the_verdict_and_what_is_not_shown() -> None:
    page = html([(find_preset("twin"), three())], 3)
    preset = find_preset("twin")
    assert preset.question in page
    assert preset.admits in page
    assert '<td class="outside">outside</td>' in page
    assert "the network is another one" in page
    assert "1 of 3 rows inside, 1 outside, 1 not reproduced." in page


def test_a_picture_shows_expected_and_measured_with_their_spread_and_every_seed() -> None:
    figure = picture(three())
    by_name = {trace.name: trace for trace in figure.data if trace.yaxis == "y"}
    assert list(by_name["expected ± sd"].x) == [0.5]
    assert list(by_name["expected ± sd"].error_x.array) == [0.03]
    assert list(by_name["measured ± sd"].x) == pytest.approx([0.5])
    assert list(by_name["each seed"].x) == [0.5, 0.51, 0.49]
    band = by_name["would be inside"]
    assert band.base[0] < 0.49
    assert band.base[0] + band.x[0] > 0.51


def keep_all(path: Path, seeds: int) -> None:
    kept = Results(path)
    for preset in PRESETS:
        for seed in range(seeds):
            kept.put(preset.id, seed, pretended(preset.id))


def test_the_command_writes_the_report_and_is_content_when_all_is_inside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_all(tmp_path / "out.kept", 2)
    assert command.main(["--seeds", "2", "--out", str(tmp_path / "out.html")]) == 0
    said = capsys.readouterr().out
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    for preset in PRESETS:
        assert f"({preset.id}), 2 seeds" in said
        assert f'<section id="{preset.id}"' in page
    rows = sum(len(expected_for(preset.id)) for preset in PRESETS)
    assert f"{rows} of {rows} rows inside." in said


def test_the_command_fails_when_a_row_is_outside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = Results(tmp_path / "out.kept")
    for seed in range(2):
        kept.put("layers", seed, pretended("layers") | {"ratio/All": 40.0})
    assert command.main(["--presets", "layers", "--seeds", "2", "--out", str(tmp_path / "out.html")]) == 1
    said = capsys.readouterr().out
    assert [line for line in said.splitlines() if line.startswith("✗ Validation loss, none over all")]


@pytest.mark.parametrize("given", [["--presets", "twin,nothing"], ["--seeds", "0"], ["--processes", "0"]])
def test_the_command_refuses_what_cannot_be(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        command.main(given)
    assert refused.value.code == 2
    assert capsys.readouterr().err
