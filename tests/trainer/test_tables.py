"""Tables of people's own: every odd file ends in a clear message or in a run that works."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from tests.odd_files import GOOD, REFUSED, USABLE, Odd, lines
from trainer.data.datasets import Sources, load
from trainer.errors import TableError
from trainer.settings.config import parse
from trainer.tables.rows import MAX_BYTES
from trainer.tables.table import KEPT_ROWS, MOST_DEVIATIONS, Table, pool_size, read_table
from trainer.training.experiment import Experiment


def name_of(odd: Odd) -> str:
    return odd.name


def told_of(table: Table) -> str:
    return "\n".join([*table.sentences, *(column.reason for column in table.columns)])


@pytest.mark.parametrize("odd", REFUSED, ids=name_of)
def test_a_file_that_cannot_be_learnt_from_is_refused_in_words_that_help(odd: Odd) -> None:
    with pytest.raises(TableError) as refused:
        read_table(odd.content, "odd.csv", odd.label)
    message = str(refused.value)
    assert all(words in message for words in odd.error), message
    assert 10 < len(message) < 400
    assert message.isprintable()
    described = refused.value.described()
    assert (described["code"], described["message"]) == ("bad_table", message)
    reading = described.get("reading")  # of a file whose rows could be read, for a reader to correct it
    assert reading is None or len(reading["columns"]) == len(reading["preview"][0]["cells"]) >= 2


@pytest.mark.parametrize("odd", USABLE, ids=name_of)
def test_an_odd_file_that_can_be_learnt_from_is_read_and_trained_on(odd: Odd) -> None:
    table = read_table(odd.content, "odd.csv", odd.label)
    assert {name: getattr(table, name) for name in odd.finds} == odd.finds
    assert all(words in told_of(table) for words in odd.tells), told_of(table)
    assert sum(table.class_counts) == table.rows
    config = parse({"dataset": "csv", "train_size": 20, "batch_size": 10, "hidden": [8], "learning_rate": 0.01})
    experiment = Experiment(config, "cpu", sources=Sources(table=Table.decode(table.encode())))
    assert bool(experiment.run(10).loss.isfinite().all())
    assert bool(experiment.evaluate().val_loss.isfinite().all())


def test_every_column_says_what_it_is() -> None:
    text = lines(
        40, lambda k: f"{k},{18 + k * 7 % 50},{('Rome', 'Oslo')[k % 2]},,{'yes' if k % 3 else 'no'}", "id,age,city,e,c"
    )
    table = read_table(text.encode(), "people.csv")
    assert [(column.name, column.kind) for column in table.columns] == [
        ("id", "ignored"), ("age", "number"), ("city", "category"), ("e", "ignored"), ("c", "label"),
    ]  # fmt: skip
    assert table.columns[1].reason == "a number from 18 to 67"
    assert table.columns[2].reason == "2 different values (Oslo 20×, Rome 20×), each of which becomes a number, 0 or 1"
    assert table.feature_names == ("age", "city = Oslo", "city = Rome")
    assert table.is_number == (True, False, False)
    assert table.features[:2].tolist() == [[18, 0, 1], [25, 1, 0]]
    described = json.loads(json.dumps(table.described()))
    assert described.keys() == {
        "name", "rows", "label", "classes", "class_counts", "features", "columns", "sentences",
        "separator", "charset", "named", "skipped", "cleaned", "decisions", "preview",
    }  # fmt: skip
    assert (table.separator, table.charset, table.named) == (",", "utf-8", True)
    assert described["columns"][1] == {
        "name": "age", "kind": "number", "missing": 0, "values": 40, "reason": "a number from 18 to 67",
        "missing_texts": [], "marks": [], "exact": False, "numbers": True, "dots": False, "codes": False,
        "decided": {}, "trouble": False,
    }  # fmt: skip
    assert described["preview"][0] == {
        "line": 2,
        "cells": ["0", "18", "Rome", "", "no"],
        "read": [None, "18", "Rome", None, "no"],
    }


def test_a_table_survives_the_way_to_a_worker() -> None:
    table = read_table(lines(40, lambda k: f"{k / 3 if k % 4 else ''},{'rgb'[k % 3]},{'ab'[k % 2]}").encode())
    there = Table.decode(json.loads(json.dumps(table.encode())))
    assert np.array_equal(there.features, table.features, equal_nan=True)
    assert np.array_equal(there.labels, table.labels)
    assert (there.classes, there.feature_names, there.is_number) == (
        table.classes, table.feature_names, table.is_number,
    )  # fmt: skip


def test_the_largest_table_stays_well_below_what_a_message_may_carry() -> None:
    random = np.random.default_rng(0)
    cells = random.standard_normal((2500, 200))
    text = "\n".join(",".join(f"{cell:.4f}" for cell in row) + f",{'ab'[k % 2]}" for k, row in enumerate(cells))
    assert len(text) < MAX_BYTES
    table = read_table(text.encode())
    assert table.features.shape == (KEPT_ROWS, 200)
    assert len(json.dumps(table.encode())) < 8_000_000


def test_rows_that_are_drawn_are_always_the_same_and_keep_their_labels() -> None:
    text = lines(5000, lambda k: f"{k + 0.5},{k % 2},{'ab'[k % 2]}").encode()
    first, second = read_table(text), read_table(text)
    assert np.array_equal(first.features, second.features)
    assert np.array_equal(first.features[:, 1], first.labels)
    assert len(first.labels) == KEPT_ROWS
    assert (first.rows, first.class_counts) == (5000, (2500, 2500))


@pytest.mark.parametrize(("rows", "pool"), [(30, 20), (31, 21), (60, 40), (1500, 1000), (2000, 1000)])
def test_a_third_of_the_rows_judges_and_at_most_a_thousand_are_trained_on(rows: int, pool: int) -> None:
    assert pool_size(rows) == pool


def test_numbers_are_standardised_and_medians_taken_over_what_may_be_trained_on_and_over_nothing_else() -> None:
    table = read_table(
        lines(90, lambda k: f"{'' if k % 9 == 0 else (k * 37) % 90 + 0.5},{'rg'[k % 2]},{'ab'[k % 2]}").encode()
    )
    config = parse({"dataset": "csv", "train_size": 60, "batch_size": 10, "label_noise": 0})
    data = load(config, Sources(table=table))
    pool = data.train_x[:, 0].double()
    assert float(pool.mean()) == pytest.approx(0, abs=1e-6)
    assert float(pool.std(correction=0)) == pytest.approx(1, abs=1e-6)
    assert set(data.train_x[:, 1].tolist()) == {0.0, 1.0}  # a number for a word stays what it is
    # Missing ones are the median, which of an even number of different values is none of them: it is the commonest.
    values, counts = np.unique(data.train_x[:, 0].numpy(), return_counts=True)
    median = float(values[counts.argmax()])
    known = pool[(pool - median).abs() > 1e-6]
    assert median == pytest.approx(float(known.quantile(0.5)), abs=1e-5)
    assert abs(float(data.val_x[:, 0].mean())) > 1e-6  # of the others, the mean is what it happens to be


@pytest.mark.parametrize("size", [1e-300, 1e-170, 1.0, 1e99])
def test_numbers_of_any_size_are_standardised_alike(size: float) -> None:
    def features(size: float) -> torch.Tensor:
        text = lines(40, lambda k: f"{(k % 7) * size!r},{k % 3},{'ab'[k % 2]}")
        config = parse({"dataset": "csv", "train_size": 20, "batch_size": 10})
        return load(config, Sources(table=read_table(text.encode()))).train_x

    assert torch.allclose(features(size), features(1.0), atol=1e-6)
    assert float(features(size)[:, 0].std()) > 0.5


@pytest.mark.parametrize(("usual", "odd"), [(1.0, 1e60), (1e-300, 1e100), (1.0, -1e60)])
def test_a_number_beyond_all_bounds_is_one_that_validation_can_be_done_with(usual: float, odd: float) -> None:
    config = parse({"dataset": "csv", "train_size": 40, "batch_size": 10})
    found = []
    for at in range(60):
        text = lines(60, lambda k: f"{odd if k == at else (k % 7 + 1) * usual!r},{k % 3},{'ab'[k % 2]}")  # noqa: B023
        data = load(config, Sources(table=read_table(text.encode())))
        assert data.train_x.isfinite().all()
        assert data.val_x.isfinite().all()
        found.append(float(data.val_x.abs().max()))
    assert (
        sorted(value == MOST_DEVIATIONS for value in found) == [False] * 40 + [True] * 20
    )  # where it is one that judges


def test_the_features_do_not_depend_on_how_many_examples_are_trained_on() -> None:
    table = read_table(lines(200, lambda k: f"{(k * 37) % 91},{k % 13},{'ab'[k % 2]}").encode())
    small, large = (
        load(parse({"dataset": "csv", "train_size": size, "batch_size": 10}), Sources(table=table))
        for size in (20, 120)
    )
    assert torch.equal(small.train_x, large.train_x[:20])
    assert torch.equal(small.val_x, large.val_x)
    assert torch.equal(small.train_y, large.labels_for(20))


def test_a_table_that_was_read_in_one_way_is_read_in_the_same_way_with_semicolons() -> None:
    commas = read_table(lines().encode())
    semicolons = read_table(lines().replace(",", ";").replace(".", ",").encode())
    assert np.array_equal(commas.features, semicolons.features)
    assert GOOD["classes"] == semicolons.classes


def test_a_label_that_is_not_there_is_quoted_as_it_came() -> None:
    with pytest.raises(TableError, match=r"no column '\\ud800' to be the label"):
        read_table(lines().encode(), label="\ud800")


@pytest.mark.parametrize(("rare", "said"), [(7, True), (37, True), (38, False), (150, False)])
def test_a_class_with_less_than_a_quarter_of_its_share_is_said_to_be_rare(rare: int, said: bool) -> None:
    rows = [f"{number % 37 + 0.5},{'a' if number < rare else 'b'}" for number in range(300)]
    text = told_of(read_table("\n".join(["x,y", *rows]).encode()))
    assert (f"a is rare: {rare} rows of 300." in text) is said
