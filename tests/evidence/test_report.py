"""The table and the report say what came out, in words and without a network."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from evidence import __main__ as command
from evidence.pairs import Paired, judge_all
from evidence.pictures import picture
from evidence.report import html
from evidence.results import Results
from evidence.stored import as_data, rounded, rows_of
from evidence.table import chance, claimed, difference, measured, number, reference, statement, summary, text
from trainer.presets import PRESETS, find_preset
from trainer.presets.expected import Row, expected_for
from trainer.presets.seeds import FILE, judged, to_text

LOSS = Row("loss", "Loss <b>", "nats")
CLAIM = Row("floor", "Each", "%", kind="each", low=60)
ALONE = Row("alone", "Alone", "×", note="nobody else has it")


def four() -> list[Paired]:
    return judge_all(
        [
            Paired(LOSS, {1: 0.5, 2: 0.51, 3: 0.49}, {1: 0.5, 2: 0.52, 3: 0.48}),
            Paired(CLAIM, {1: 70.0, 2: 50.0, 3: 65.0}, {}),
            Paired(ALONE, {1: 2.0, 2: 2.0, 3: 2.1}, {}),
            Paired(Row("odd", "Odd", "points"), {1: 4.0, 2: 5.0, 3: 6.01}, {1: 1.0, 2: 2.0, 3: 3.0}),
        ]
    )


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


def test_what_is_claimed_is_said_in_words() -> None:
    assert claimed(CLAIM) == "at least 60.0"
    assert claimed(Row("x", "x", "×", kind="each", high=1.5)) == "at most 1.50"
    assert claimed(Row("x", "x", "points", kind="each", low=-2.5, high=2.5)) == "−2.5 to 2.5"
    assert claimed(Row("x", "x", "%", kind="each", low=100, high=100)) == "100.0 exactly"


def test_a_claim_on_each_seed_is_answered_with_the_range_of_seeds() -> None:
    assert measured(four()[1]) == "50.0 … 70.0"
    assert measured(four()[0]) == "0.500"


def test_a_pair_is_told_with_its_difference_and_the_standard_error_of_that() -> None:
    loss, claim, alone, odd = four()
    assert reference(loss) == "0.500"
    assert difference(loss) == "0.000 (0.006)"
    assert difference(odd) == "3.0 (0.0)"
    assert (difference(claim), difference(alone)) == ("", "")
    assert (chance(loss), chance(claim), chance(odd)) == ("1", "", "<0.001")


def test_the_table_marks_what_is_outside() -> None:
    lines = text(find_preset("twin"), four()).splitlines()
    marks = {line[2:6].strip(): line[0] for line in lines if line and line[2:6].strip()}
    assert (marks["Loss"], marks["Each"], marks["Alon"], marks["Odd,"]) == (" ", "✗", "–", "✗")
    assert summary(four()) == "1 of 4 rows inside, 2 outside, 1 without a reference."
    assert statement(four()).startswith(
        "2 rows are tested by pairs over 3 seeds, together at a family-wise error rate of"
    )


def test_the_report_is_one_file_that_asks_nothing_of_a_network() -> None:
    page = html([(find_preset("twin"), four())])
    own = re.sub(
        r"<script>.*?</script>", "", page, flags=re.DOTALL
    )  # Plotly itself holds addresses that it does not use
    assert not re.search(r"(?:src|href)=[\"'](?!#)", own)
    assert "Plotly.newPlot" in page
    assert page.count("plotly.js v") == 1  # once, however many pictures
    assert "&lt;b&gt;" in own
    assert "<b>" not in own


def test_the_report_tells_the_question_the_verdict_and_what_is_not_shown() -> None:
    page = html([(find_preset("twin"), four())])
    preset = find_preset("twin")
    assert preset.question in page
    assert preset.admits in page
    assert '<td class="outside">outside</td>' in page
    assert "nobody else has it" in page
    assert "1 of 4 rows inside, 2 outside, 1 without a reference." in page
    assert "±" not in re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)


def test_a_picture_shows_each_seed_of_both_sides_and_their_means() -> None:
    figure = picture(four())
    by_name = {trace.name: trace for trace in figure.data if trace.yaxis == "y"}
    assert list(by_name["lab, each seed"].x) == [0.5, 0.51, 0.49]
    assert list(by_name["plain PyTorch, each seed"].x) == [0.5, 0.52, 0.48]
    assert list(by_name["lab, mean"].x) == pytest.approx([0.5])
    assert list(by_name["lab, each seed"].text) == ["seed 1", "seed 2", "seed 3"]


def keep_all(path: Path, seeds: int) -> None:
    kept = Results(path)
    for preset in PRESETS:
        for seed in range(1, seeds + 1):
            for source in ("lab", "plain"):
                kept.put(f"{source}/{preset.id}", seed, pretended(preset.id))


def test_the_command_writes_the_report_and_is_content_when_all_is_inside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_all(tmp_path / "out.kept", 3)
    assert command.main(["--seeds", "3", "--out", str(tmp_path / "out.html")]) == 0
    said = capsys.readouterr().out
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    for preset in PRESETS:
        assert f"({preset.id}), 3 seeds" in said
        assert f'<section id="{preset.id}"' in page
    rows = sum(len(expected_for(preset.id)) for preset in PRESETS)
    assert f"{rows} of {rows} rows inside." in said


def test_the_command_fails_when_a_row_is_outside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = Results(tmp_path / "out.kept")
    for seed in (1, 2, 3):
        kept.put("lab/layers", seed, pretended("layers") | {"ratio/All": 40.0})
        kept.put("plain/layers", seed, pretended("layers"))
    assert command.main(["--presets", "layers", "--seeds", "3", "--out", str(tmp_path / "out.html")]) == 1
    said = capsys.readouterr().out
    assert [line for line in said.splitlines() if line.startswith("✗ Validation loss, none over all")]


@pytest.mark.parametrize(
    "given", [["--presets", "twin,nothing"], ["--seeds", "0"], ["--processes", "0"], ["--presets", "twin", "--write"]]
)
def test_the_command_refuses_what_cannot_be(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        command.main(given)
    assert refused.value.code == 2
    assert capsys.readouterr().err


# What is kept for the page


def test_the_stored_verdicts_are_those_of_the_stored_values() -> None:
    for preset, rows in rows_of(PRESETS).items():
        for row in rows:
            assert judged(preset, row.row.id) == row.kept, f"{preset}: {row.row.id}"


def test_the_stored_file_is_written_as_it_is_read() -> None:
    held = FILE.read_text(encoding="utf-8")
    rows = rows_of(PRESETS)
    torch = re.search(r'"torch": "([^"]+)"', held)
    assert torch
    assert to_text(as_data(rows), torch.group(1)) == held
    assert all(
        one.lab == pytest.approx(other.lab, nan_ok=True)
        for preset, own in rounded(rows).items()
        for one, other in zip(own, rows[preset], strict=True)
    )


def test_every_experiment_has_as_many_seeds_as_every_other() -> None:
    counts = {len(row.lab) for rows in rows_of(PRESETS).values() for row in rows}
    assert len(counts) == 1
    assert counts.pop() >= 5


def test_the_stored_values_can_be_judged_without_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row for own in rows_of(PRESETS).values() for row in own]
    outside = any(row.word == "outside" for row in rows)
    assert command.main(["--stored", "--out", str(tmp_path / "out.html")]) == int(outside)
    assert summary(rows) in capsys.readouterr().out
