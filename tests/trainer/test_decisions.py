"""What a reader decides of a table's columns is what is learnt from; what cannot be is refused in words that help."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pytest

from tests.odd_files import lines
from trainer.errors import KnobError, TableError
from trainer.tables.decisions import parse_decisions
from trainer.tables.table import Table, read_table

CODES: Final = lines(
    60, lambda k: f"{('007', '7', '12')[k % 3]},{('NA', 'DE', 'us', 'US')[k % 4]},{('01', '1')[k % 2]}", "agent,land,c"
)


def read(text: str = CODES, label: str | None = None, **decided: Any) -> Table:
    return read_table(text.encode(), "t.csv", label, parse_decisions(decided))


def kinds(table: Table) -> dict[str, str]:
    return {column.name: column.kind for column in table.columns}


def test_without_decisions_codes_are_texts_and_na_among_words_is_missing() -> None:
    table = read()
    assert kinds(table) == {"agent": "category", "land": "category", "c": "label"}
    assert table.feature_names[:3] == ("agent = 007", "agent = 12", "agent = 7")
    assert (table.classes, table.decisions) == (("01", "1"), {})


def test_each_kind_can_be_decided() -> None:
    table = read(agent={"kind": "number"}, land={"kind": "label", "missing": []}, c={"kind": "ignored"})
    assert kinds(table) == {"agent": "number", "land": "label", "c": "ignored"}
    assert table.feature_names == ("agent",)
    assert set(table.features[:, 0]) == {7, 12}
    assert table.classes == ("DE", "NA", "US", "us")
    assert table.rows == 60
    assert table.columns[2].reason == "left out: as you decided"
    assert table.decisions == {
        "agent": {"kind": "number"},
        "land": {"kind": "label", "missing": []},
        "c": {"kind": "ignored"},
    }
    assert parse_decisions(table.decisions) == parse_decisions(
        {"agent": {"kind": "number"}, "land": {"kind": "label", "missing": []}, "c": {"kind": "ignored"}}
    )


def test_numbers_can_be_a_category_and_a_label_can_be_numbers() -> None:
    table = read(
        lines(40, lambda k: f"{k % 3},{k % 7},{('01', '1', '2')[k % 3]}"), x={"kind": "category"}, c={"numbers": True}
    )
    assert table.feature_names == ("x = 0", "x = 1", "x = 2", "y")
    assert (table.classes, table.class_counts) == (("1", "2"), (27, 13))
    assert read(lines(40, lambda k: f"{k},{k % 7},{k % 2}.0"), c={"numbers": False}).classes == ("0.0", "1.0")


def test_texts_are_missing_as_decided_and_only_so() -> None:
    text = lines(60, lambda k: f"{('-999', 'NA', f'{k % 4}.5')[k % 3]},{k % 7},{('a', 'NA', 'b')[k % 3]}")
    table = read(text, x={"missing": ["-999", "NA"]}, c={"missing": []})
    assert (table.classes, table.rows) == (("NA", "a", "b"), 60)
    assert np.isnan(table.features[:, 0]).sum() == 40
    [x, _, c] = table.columns
    assert (x.missing, dict(x.missing_texts)) == (40, {"-999": 20, "NA": 20})
    assert (c.missing, dict(c.marks)) == (0, {"NA": 20})
    assert [row["read"][0] for row in table.preview[:3]] == [None, None, "2.5"]
    assert [row["cells"][0] for row in table.preview[:3]] == ["-999", "NA", "2.5"]


def test_an_empty_cell_is_always_missing() -> None:
    table = read(
        lines(60, lambda k: f"{k % 5 or ''},{k % 7},{('a', '', 'b')[k % 3]}"), x={"missing": []}, c={"missing": []}
    )
    assert (table.classes, table.rows, table.columns[0].missing) == (("a", "b"), 40, 12)


def test_capitals_can_be_said_not_to_matter() -> None:
    text = lines(60, lambda k: f"{('Red', 'red', 'n.a.')[k % 3]},{k % 7},{('Yes', 'yes', 'YES', 'no', 'No')[k % 5]}")
    table = read(text, x={"merge_case": True, "missing": ["N.A."]}, c={"merge_case": True})
    assert table.classes == ("No", "YES")  # as most are written; of equally many, the first in the alphabet
    assert table.class_counts == (24, 36)
    assert table.feature_names == ("x = Red", "x is missing", "y")


@pytest.mark.parametrize(
    ("decided", "words"),
    [
        ({"land": {"kind": "number"}}, ("line 3", "'land'", "'DE' is no number", "make the column a category")),
        (
            {"c": {"kind": "category"}, "land": {"kind": "number"}, "agent": {"kind": "ignored"}},
            ("no column is left to be",),
        ),
        (
            {"agent": {"kind": "ignored"}, "land": {"kind": "ignored"}},
            ("no column is left to learn from", "as you decided"),
        ),
        ({"c": {"missing": ["01", "1"]}}, ("the label 'c' is empty",)),
        ({"c": {"missing": ["1"]}}, ("the label 'c' is the same in every row",)),
        ({"agent": {"kind": "number", "missing": ["007", "7", "12"]}}, ("'agent' is said to be a number", "no cell")),
        ({"c": {"kind": "category"}, "land": {"kind": "label", "numbers": True}}, ("'DE' is no number", "labels")),
    ],
)
def test_what_makes_a_table_unusable_is_said_and_its_columns_stay_known(decided: Any, words: tuple[str, ...]) -> None:
    with pytest.raises(TableError) as refused:
        read(**decided)
    assert all(each in str(refused.value) for each in words), str(refused.value)
    reading = refused.value.described()["reading"]
    assert [column["name"] for column in reading["columns"]] == ["agent", "land", "c"]
    assert reading["decisions"] == {
        name: parse_decisions({name: each})[name].described() for name, each in decided.items()
    }
    assert reading["preview"][0]["cells"] == ["007", "NA", "01"]


def test_a_column_that_cannot_be_read_by_itself_can_be_decided() -> None:
    text = lines(60, lambda k: f"{'abc' if k == 20 else k + 0.25},{k % 7},{'ab'[k % 2]}")
    with pytest.raises(TableError, match="line 22") as refused:
        read(text)
    assert refused.value.described()["reading"]["columns"][0]["reason"].startswith("line 22")
    assert read(text, x={"missing": ["abc"]}).columns[0].missing == 1
    assert kinds(read(text, x={"kind": "ignored"})) == {"x": "ignored", "y": "number", "c": "label"}


def test_a_label_that_is_named_goes_before_and_must_not_be_decided_otherwise() -> None:
    assert read(label="land").label == "land"
    assert read(label="land", land={"kind": "label"}).label == "land"
    against: list[dict[str, Any]] = [{"land": {"kind": "ignored"}}, {"c": {"kind": "label"}}]
    for decided in against:
        with pytest.raises(KnobError, match="label = 'land' is not allowed"):
            read(label="land", **decided)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "columns = [] is not allowed: it must be an object"),
        ({"x": 1}, "columns['x'] = 1 is not allowed: it must be an object of kind, missing, merge_case, numbers"),
        ({"x": {"kin": 1}}, "columns['x'] = 'kin' is not allowed"),
        ({"x": {"kind": "word"}}, ".kind = 'word' is not allowed: it must be one of number, category, label, ignored"),
        ({"x": {"kind": ["number"]}}, ".kind = ['number'] is not allowed"),
        ({"x": {"missing": "NA"}}, ".missing = 'NA' is not allowed: it must be a list of at most 50 texts"),
        ({"x": {"missing": [1]}}, ".missing = [1] is not allowed"),
        ({"x": {"missing": ["a" * 101]}}, "at most 100 characters"),
        ({"x": {"merge_case": 1}}, ".merge_case = 1 is not allowed: it must be true or false"),
        ({"x": {"kind": "label"}, "y": {"kind": "label"}}, "columns['y'].kind = 'label' is not allowed"),
        ({str(k): {} for k in range(301)}, "at most 300 columns"),
    ],
)
def test_a_decision_that_is_none_is_refused_with_its_value_and_what_is_allowed(given: Any, message: str) -> None:
    with pytest.raises(KnobError) as refused:
        parse_decisions(given)
    assert message in str(refused.value)


def test_a_decision_about_a_column_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(KnobError, match=r"columns = 'size' is not allowed.*agent, land, c"):
        read(size={"kind": "number"})


def test_a_decision_about_a_name_in_the_first_line_makes_it_a_line_of_names() -> None:
    text = "2019,2020,c\n" + lines(40, lambda k: f"{k % 7},{k % 5},{'ab'[k % 2]}").split("\n", 1)[1]
    assert read(text).columns[0].name == "column 1"
    named: dict[str, Any] = {"2019": {"kind": "number"}}
    assert read(text, **named).feature_names == ("2019", "2020")
