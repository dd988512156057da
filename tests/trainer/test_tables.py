"""Tables of people's own: every odd file ends in a clear message or in a run that works."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from tests.odd_files import GOOD, REFUSED, USABLE, Odd, lines
from trainer.config import parse
from trainer.datasets import Sources, load
from trainer.errors import TableError
from trainer.experiment import Experiment
from trainer.rows import MAX_BYTES
from trainer.tables import KEPT_ROWS, Table, pool_size, read_table


def name_of(odd: Odd) -> str:
    return odd.name


def told_of(table: Table) -> str:
    return "\n".join([*table.sentences, *(column.told for column in table.columns)])


@pytest.mark.parametrize("odd", REFUSED, ids=name_of)
def test_a_file_that_cannot_be_learnt_from_is_refused_in_words_that_help(odd: Odd) -> None:
    with pytest.raises(TableError) as refused:
        read_table(odd.content, "odd.csv", odd.label)
    message = str(refused.value)
    assert all(words in message for words in odd.error), message
    assert 10 < len(message) < 400
    assert message.isprintable()
    assert refused.value.described() == {"code": "bad_table", "message": message}


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
    assert table.columns[1].told == "a number from 18 to 67"
    assert table.columns[2].told == "2 different values (Oslo 20×, Rome 20×), each of which becomes a number, 0 or 1"
    assert table.feature_names == ("age", "city = Oslo", "city = Rome")
    assert table.is_number == (True, False, False)
    assert table.features[:2].tolist() == [[18, 0, 1], [25, 1, 0]]
    described = json.loads(json.dumps(table.described()))
    assert described.keys() == {
        "name", "rows", "label", "classes", "class_counts", "features", "columns", "sentences",
        "separator", "charset", "named",
    }  # fmt: skip
    assert (table.separator, table.charset, table.named) == (",", "utf-8", True)
    assert described["columns"][1] == {
        "name": "age", "kind": "number", "missing": 0, "values": 40, "told": "a number from 18 to 67",
    }  # fmt: skip


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
