"""Exported scripts run by themselves, say what the lane has and nothing else, and train as the lane does."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from itertools import cycle, product
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import torch

from tests.conftest import TIMEOUT_FACTOR
from tests.networks import OTHERS, everywhere, ways
from tests.odd_files import USABLE, Odd
from tests.trainer.curves import FALSE_ALARM, lane_curves, p_value, run_script, script_curves
from trainer.errors import KnobError
from trainer.export import FRAMEWORKS, script
from trainer.settings.config import ExperimentConfig, parse
from trainer.settings.dropouts import KINDS
from trainer.settings.networks import NETWORKS
from trainer.tables.decisions import parse_decisions
from trainer.tables.table import pool_size, read_table

REGULARISERS: Final[dict[str, dict[str, Any]]] = {
    "none": {},
    "l1": {"l1": 1e-4},
    "l2": {"l2": 1e-3},
    "decay": {"weight_decay": 0.5},
    "norm": {"max_norm": 2.0},
    "smooth": {"label_smoothing": 0.1},
    "noise": {"input_noise": 0.1},
    "stop": {"patience": 3},
    "schedule": {"schedule": "ramp_down"},
}
REGULARISERS["all"] = {name: value for each in REGULARISERS.values() for name, value in each.items()}
ALLOWED: Final = {"collections", "copy", "csv", "gzip", "itertools", "keras", "math", "numpy", "pathlib"} | {
    "sklearn",
    "torch",
}

# Looked up in Keras 3.15; with its PyTorch backend, scripts of every combination below were run.
KERAS_NAMES: Final = set(
    re.findall(
        r"\S+",
        """
    keras.Input keras.Sequential keras.callbacks.Callback keras.callbacks.EarlyStopping keras.constraints.MaxNorm
    keras.initializers.RandomUniform keras.losses.CategoricalCrossentropy keras.losses.SparseCategoricalCrossentropy
    keras.metrics.CategoricalCrossentropy keras.metrics.SparseCategoricalCrossentropy keras.optimizers.Adam
    keras.optimizers.AdamW keras.optimizers.SGD keras.random.SeedGenerator keras.random.normal keras.random.uniform
    keras.regularizers.L1 keras.regularizers.L2 keras.regularizers.L1L2 keras.utils.set_random_seed
    layers.BatchNormalization layers.Conv2D layers.Dense layers.Dropout layers.Flatten layers.GaussianDropout
    layers.GRU layers.GRUCell layers.GaussianNoise layers.LSTM layers.LSTMCell layers.Layer layers.MaxPooling2D
    layers.RNN layers.ReLU layers.SimpleRNN layers.SimpleRNNCell layers.SpatialDropout2D
    ops.cast ops.einsum ops.matmul ops.ones_like ops.shape ops.zeros
    """,
    )
)


def config_of(network: str, lane: dict[str, Any] | None = None, **run: Any) -> ExperimentConfig:
    """A run of one lane: the recommended one with dropout, changed."""
    base = parse({"network": network, **run}).model_dump()
    return parse({**base, "lanes": [{**base["lanes"][-1], **(lane or {})}]})


def used_up(network: str, kind: str, **more: Any) -> dict[str, Any]:
    """A lane that drops wherever it can, with batch norm."""
    return {**everywhere({"network": network}, 0.2), "dropout_kind": kind, "batch_norm": True, **more}


@cache
def all_scripts(framework: str, network: str) -> dict[str, str]:
    """A script of every kind of dropout, way of sharing masks, regulariser, and order of batch norm."""
    made = {}
    orders = ("before_dropout", "after_dropout")
    for kind, (name, more), mask, order, way in product(
        KINDS, REGULARISERS.items(), ("per_example", "per_batch"), orders, ways(network)
    ):
        lane = used_up(network, kind, **way, **more)
        optimizer = "adam" if order == "before_dropout" else "sgd"
        config = config_of(network, lane, mask=mask, batch_norm_order=order, optimizer=optimizer)
        made[f"{network}-{kind}-{name}-{mask}-{order}-{'-'.join(way.values())}"] = script(config, 0, framework)
    return made


def names_in(text: str) -> set[str]:
    """Every dotted name that begins with keras, layers or ops."""
    return set(re.findall(r"(?<![\w.])(?:keras|layers|ops)(?:\.\w+)+", text))


@pytest.mark.parametrize(("framework", "network"), [*product(FRAMEWORKS, NETWORKS)])
def test_every_script_compiles_and_imports_nothing_but_what_it_names(framework: str, network: str) -> None:
    for name, text in all_scripts(framework, network).items():
        tree = ast.parse(text, name)
        compile(tree, name, "exec")
        nodes = list(ast.walk(tree))
        modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        modules |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
        assert {module.split(".")[0] for module in modules} <= ALLOWED, name
        other = "keras" if framework == "pytorch" else "torch"
        assert not any(module.startswith(other) for module in modules), name


@pytest.mark.parametrize("network", NETWORKS)
def test_keras_scripts_name_only_what_keras_has(network: str) -> None:
    texts = all_scripts("keras", network).values()
    assert set().union(*map(names_in, texts)) <= KERAS_NAMES


@pytest.mark.parametrize("network", NETWORKS)
def test_scripts_define_nothing_that_they_do_not_use(network: str, tmp_path: Path) -> None:
    for framework in FRAMEWORKS:
        for name, text in all_scripts(framework, network).items():
            used = Counter(re.findall(r"\w+", text))
            for defined in re.findall(r"^(?:def |class )?(\w+)(?: = |\()", text, re.MULTILINE):
                assert used[defined] > 1, f"{defined} in {name} of {framework}"


def test_scripts_are_formatted_as_the_project_is(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    for framework, network in product(FRAMEWORKS, NETWORKS):
        for name, text in all_scripts(framework, network).items():
            (tmp_path / f"{framework}-{name}.py").write_text(text)
    for dataset in ("moons", "circles", "spirals", "xor", "gaussians", "breast_cancer", "wine", "idx"):
        for framework in FRAMEWORKS:
            config = parse({"dataset": dataset, "train_size": 100, "batch_size": 32})
            (tmp_path / f"{framework}-{dataset}.py").write_text(script(config, 1, framework))
    for command in (("format", "--check"), ("check", "--select", "E,W,F,I,B,UP,SIM,C4,RET,PERF")):
        call = [sys.executable, "-m", "ruff", *command, "--config", str(root / "pyproject.toml"), str(tmp_path)]
        asked = subprocess.run(call, capture_output=True, text=True, timeout=300 * TIMEOUT_FACTOR)
        assert asked.returncode == 0, asked.stdout[-3000:]


# ---------------------------------------------------------------- what they say


WILD: Final[dict[str, Any]] = {
    "dataset": "wine",
    "train_size": 100,
    "batch_size": 32,
    "optimizer": "sgd",
    "learning_rate": 1.0,
    "hidden": [128, 128, 128],
    "lanes": [{"dropout": [0.2, 0.5, 0.5, 0.5], "patience": 3}],
}


def test_the_script_of_a_lane_that_diverges_says_so_with_the_step_and_ends(tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text(script(parse(WILD), 0, "pytorch"))
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    told = re.fullmatch(r"diverged at step (\d+): the loss is no finite number; a lower .*\n", done.stderr)
    assert told, done.stderr
    assert 1 < int(told[1]) < 100
    assert "nan" not in done.stdout


def test_a_keras_script_looks_for_divergence_before_early_stopping_does() -> None:
    text = script(parse(WILD), 0, "keras")
    assert re.search(r"if not np\.isfinite\(train_loss \+ val_loss\):\n +raise SystemExit\(DIVERGED", text)
    assert "callbacks = [scores]" in text  # so that it is asked first
    assert 'DIVERGED = "diverged by step {step}: ' in text


def test_the_default_script_has_nn_dropout_exactly_where_the_lane_has_dropout() -> None:
    with_dropout = script(parse({}), 1, "pytorch")
    assert re.findall(r"nn\.Dropout\(p=(.*)\)", with_dropout) == ["0.2", "0.5", "0.5", "0.5"]
    assert "Dropout" not in script(parse({}), 0, "pytorch").replace("Dropout Lab", "").replace("No dropout", "")
    assert re.findall(r"layers\.Dropout\((.*)\)", script(parse({}), 1, "keras")) == ["0.2", "0.5", "0.5", "0.5"]


def test_a_place_with_a_rate_of_zero_has_no_layer() -> None:
    text = script(config_of("mlp", {"dropout": (0.0, 0.5, 0.0, 0.0)}), 0, "pytorch")
    assert re.findall(r"nn\.Dropout\(p=(.*)\)", text) == ["0.5"]


def test_training_and_evaluation_mode_are_where_they_belong() -> None:
    text = script(parse({}), 1, "pytorch")
    evaluate = text[text.index("def evaluate") : text.index("def batches")]
    main = text[text.index("def main") :]
    assert evaluate.index("model.eval()") < evaluate.index("model(x)") < evaluate.index("model.train()")
    assert main.index("model.train()") < main.index("loss.backward()")
    assert "model.eval()" not in main


@pytest.mark.parametrize(
    ("network", "lane", "pytorch", "keras"),
    [
        ("cnn", {"spatial_dropout": (0.3, 0.0)}, "nn.Dropout2d(p=0.3)", "layers.SpatialDropout2D(0.3)"),
        ("mlp", {"batch_norm": True}, "nn.BatchNorm1d(128)", "layers.BatchNormalization(momentum=0.9, epsilon=1e-5)"),
        ("cnn", {"batch_norm": True}, "nn.BatchNorm2d(8)", "layers.BatchNormalization("),
        ("mlp", {"l1": 1e-4}, "L1 * sum(weight.abs().sum()", "keras.regularizers.L1(L1)"),
        ("mlp", {"l2": 1e-3}, "weight_decay=L2", "keras.regularizers.L2(L2 / 2)"),
        ("mlp", {"weight_decay": 3.0}, "torch.optim.AdamW(", "keras.optimizers.AdamW("),
        ("mlp", {"max_norm": 0.5}, "torch.renorm(weight, p=2, dim=0, maxnorm=MAX_NORM)", "**weights(128, axis=None)"),
        ("cnn", {"max_norm": 0.5}, "maxnorm=MAX_NORM", "**weights(9, axis=[0, 1, 2])"),
        ("mlp", {"label_smoothing": 0.1}, "label_smoothing=LABEL_SMOOTHING", "label_smoothing=LABEL_SMOOTHING"),
        ("mlp", {"input_noise": 0.1}, "INPUT_NOISE * torch.randn_like(x)", "layers.GaussianNoise(INPUT_NOISE)"),
        ("mlp", {"patience": 4}, "model.load_state_dict(best_weights)", "restore_best_weights=True"),
        ("mlp", {"dropout_kind": "gaussian"}, "GaussianDropout(p=0.5)", "layers.GaussianDropout(0.5)"),
        ("mlp", {"dropout_kind": "dropconnect"}, "DropConnect(64, 128, p=0.2)", "DropConnect(128, 0.2,"),
        ("lstm", {"dropout": (0.0, 0.0, 0.5)}, "nn.LSTM(8, 64, batch_first=True)", "layers.LSTM(64, **lstm_weights"),
        ("lstm", {"dropout": (0.2, 0.3, 0.5)}, "nn.LSTMCell(8, 64)", "dropout=0.2, recurrent_dropout=0.3"),
        ("lstm", {"recurrent_mask": "per_step"}, "self.cell(row, (self.recurrent_dropout(h), c))", "NoisyLSTM("),
        ("mlp", {"learning_rate": 0.01, "seed": 7}, "LEARNING_RATE = 0.01", "DATA_SEED = 0"),
        ("mlp", {"train_size": 100, "hidden": (32, 16, 8)}, "nn.Linear(32, 16)", "TRAIN_SIZE = 100"),
    ],
)
def test_each_knob_is_said_in_the_words_of_the_framework(
    network: str, lane: dict[str, Any], pytorch: str, keras: str
) -> None:
    config = config_of(network, lane)
    assert pytorch in script(config, 0, "pytorch")
    assert keras in script(config, 0, "keras")


@pytest.mark.parametrize(
    ("order", "before", "after"),
    [
        ("before_dropout", "nn.BatchNorm1d(128)", "nn.Dropout(p=0.5)"),
        ("after_dropout", "nn.Dropout(p=0.5)", "nn.Batch"),
    ],
)
def test_batch_norm_stands_where_the_run_has_it(order: str, before: str, after: str) -> None:
    text = script(config_of("mlp", {"batch_norm": True}, batch_norm_order=order), 0, "pytorch")
    assert text.index(before) < text.index(after)


def test_max_norm_leaves_the_output_layer_and_the_biases_alone() -> None:
    for network in NETWORKS:
        text = script(config_of(network, {"max_norm": 0.5}), 0, "pytorch")
        namespace: dict[str, Any] = {"__name__": "script"}
        exec(compile(text, "script", "exec"), namespace)
        model = (namespace.get("Network") or namespace["make_model"])()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.fill_(2)
        namespace["limit_norms"](model)
        *hidden, last = (each for each in model.parameters() if each.dim() > 1)
        for weight in hidden:
            assert weight.flatten(1).norm(dim=1).tolist() == pytest.approx([0.5] * len(weight), rel=1e-5)
        assert (last == 2).all()
        assert all((each == 2).all() for each in model.parameters() if each.dim() == 1)


def test_l2_and_decoupled_decay_together_are_not_confused() -> None:
    adam = script(config_of("mlp", {"l2": 1e-3, "weight_decay": 0.5}), 0, "pytorch")
    assert "AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)" in adam
    assert "L2 / 2 * sum(weight.square().sum()" in adam
    sgd = script(config_of("mlp", {"l2": 1e-3, "weight_decay": 0.5}, optimizer="sgd"), 0, "pytorch")
    assert "SGD(model.parameters(), lr=LEARNING_RATE, momentum=0.9, weight_decay=L2)" in sgd
    assert "weight.mul_(1 - LEARNING_RATE * WEIGHT_DECAY)" in sgd


@pytest.mark.parametrize("lane", [-1, 2, True, None, "1"])
def test_a_lane_that_does_not_exist_is_refused(lane: Any) -> None:
    with pytest.raises(KnobError, match="lane = "):
        script(parse({}), lane, "pytorch")


def test_another_framework_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(KnobError, match=r"framework = 'tensorflow' .* one of pytorch, keras"):
        script(parse({}), 0, "tensorflow")


# ---------------------------------------------------------------- what strangers wrote

EVIL: Final = [
    '"""; import os',
    "'''; import os",
    "a\nimport os",
    "a\r\nimport os\r",
    "\\\nimport os",
    "é\u2028\x85\x0c",
    "\x00#",
]


@pytest.mark.parametrize("name", EVIL)
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_name_of_a_lane_can_do_no_harm(name: str, framework: str) -> None:
    plain = script(config_of("mlp", {"name": "plain"}), 0, framework)
    config = config_of("mlp", {"name": "plain"})
    named = config.lanes[0].model_copy(update={"name": name})  # also one that no configuration has
    text = script(config.model_copy(update={"lanes": (named,)}), 0, framework)
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(plain))
    assert len(text.splitlines()) == len(plain.splitlines())


TABLE_CONFIG: Final = {"dataset": "csv", "table": "x", "train_size": 40, "batch_size": 20, "hidden": [16]}


def table_text(separator: str = ",", decimal: str = ".", rows: int = 120, named: str = "size") -> str:
    random = np.random.default_rng(0)
    lines = [separator.join(("id", f'"{named}"', "colour", "kind"))]
    for number in range(rows):
        kind = int(random.integers(3))
        size = "" if number % 10 == 0 else f"{random.normal() + 2 * kind:.3f}".replace(".", decimal)
        lines.append(separator.join((str(number), size, random.choice(["red", "green", "n/a"]), "abc"[kind])))
    return "\n".join(lines)


@pytest.mark.parametrize("named", [*(name.replace('"', "'") for name in EVIL[:-1]), "size]); import os"])
def test_the_names_of_columns_and_of_the_file_can_do_no_harm(named: str) -> None:
    table = read_table(table_text(named=named).encode(), f"{named}.csv").described()
    plain = read_table(table_text().encode(), f"{named}.csv").described()
    for framework in FRAMEWORKS:
        texts = [script(parse(TABLE_CONFIG), 0, framework, table=each) for each in (table, plain)]
        assert ast.dump(ast.parse(texts[0])) == ast.dump(ast.parse(texts[1]))
        assert "\nimport os" not in texts[0]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("/etc/passwd", "passwd"),
        ("..", "table.csv"),
        ("../../x.csv", "x.csv"),
        (r"\\host\share\t.csv", "t.csv"),
        ("\\\\host\\", "table.csv"),
        (r"C:\x\y.csv", "y.csv"),
        ("C:y.csv", "y.csv"),
        ("a\nb.csv", "a b.csv"),
        ("x\u202evsc.exe", "x vsc.exe"),
        ("~/t.csv", "t.csv"),
    ],
)
def test_a_script_reads_a_file_beside_it_and_no_other(name: str, path: str) -> None:
    table = read_table(table_text().encode(), name).described()
    for each in (table, {**table, "name": name}):  # also of a table that an older server described
        tree = ast.parse(script(parse(TABLE_CONFIG), 0, "pytorch", table=each))
        [value] = [
            node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            and ast.unparse(node.targets[0]) == "PATH"
            and isinstance(node.value, ast.Constant)
        ]
        assert value == path


@pytest.mark.parametrize(("separator", "decimal"), [(",", "."), (";", ","), ("\t", ".")])
def test_a_script_reads_the_table_as_the_lab_does(
    separator: str, decimal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = table_text(separator, decimal)
    (tmp_path / "t.csv").write_text(text)
    monkeypatch.chdir(tmp_path)
    table = read_table(text.encode(), "t.csv")
    described = {**table.described(), "separator": separator}
    code = script(parse(TABLE_CONFIG), 1, "pytorch", table=described)
    namespace: dict[str, Any] = {"__name__": "script"}
    exec(compile(code, "script", "exec"), namespace)
    train_x, train_y, val_x, val_y = namespace["load_data"](np.random.default_rng(0))
    assert train_x.shape == (40, len(table.feature_names))
    assert len(train_x) + len(val_x) == 80  # 40 of 80 that may be trained on, and 40 that judge
    assert set(np.unique([*train_y, *val_y])) == {0, 1, 2}
    assert np.isfinite(train_x).all()
    assert np.isfinite(run_script(code, 25)).all()


FOUR: Final = ("a", "null", "b", "x")
TURNED: Final = ("a", "a\u202e", "b")
HARD_TABLES: Final[dict[str, Any]] = {
    "leading zeros": ("x,c\n", lambda k: f"{k % 7}.5,{('01', '1', '001', '2')[k % 4]}", {}),
    "leading zeros as numbers": ("x,c\n", lambda k: f"{k % 7}.5,{('01', '1', '2')[k % 3]}", {"c": {"numbers": True}}),
    "comments, and NA as a country": ('# "made\n#\nx,c\n', lambda k: f"{k % 7}.5,{('NA', 'DE', 'US')[k % 3]}", {}),
    "names behind a #": ("# by me\n# x,c\n", lambda k: f"{k % 7}.5,{'ab'[k % 2]}", {}),
    "what Excel says of its separator": ("sep=;\nx;c\n", lambda k: f"1.{k % 7}00,5;{'ab'[k % 2]}", {}),
    "dots between thousands": ("x;c\n", lambda k: f"{('1.250,5', '1.250', '7')[k % 3]};{'ab'[k % 2]}", {}),
    "a dot that is decimal": ("x;y;c\n", lambda k: f"1.25{k % 7};1,5{k % 3};{'ab'[k % 2]}", {}),
    "missing as decided": (
        "x,y,z,c\n",
        lambda k: f"{('-9', 'NA', '3', '4')[k % 4]},{('none', 'NA', 'red')[k % 3]},{k % 5},{FOUR[k % 4]}",
        {"x": {"missing": ["-9", "NA"]}, "y": {"missing": ["NA"]}, "c": {"missing": ["x"]}},
    ),
    "capitals that do not matter": (
        "x,y,c\n",
        lambda k: f"{('Red', 'red', 'blue')[k % 3]},{k % 5},{('Yes', 'yes', 'no')[k % 3]}",
        {"x": {"merge_case": True}, "c": {"merge_case": True}},
    ),
    "numbers as a category": ("x,y,c\n", lambda k: f"{k % 3},{k % 5},{'ab'[k % 2]}", {"x": {"kind": "category"}}),
    "the first column as label, one left out": (
        "x,y,c\n", lambda k: f"{'pq'[k % 2]},{k % 5},{k % 7}", {"x": {"kind": "label"}, "c": {"kind": "ignored"}},
    ),
    "what cannot be seen": ("x,c\n", lambda k: f"{k % 7}\u200b,{TURNED[k % 3]}", {}),
}  # fmt: skip


@pytest.mark.parametrize("name", HARD_TABLES)
def test_a_script_reads_a_hard_table_and_what_was_decided_of_it_as_the_lab_does(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row of the script's is one of the lab's, features and label, and as often."""
    head, row, decided = HARD_TABLES[name]
    text = head + "".join(row(k) + "\n" for k in range(120))
    (tmp_path / "t.csv").write_bytes(text.encode())
    monkeypatch.chdir(tmp_path)
    table = read_table(text.encode(), "t.csv", None, parse_decisions(decided))
    pool = pool_size(table.rows)
    config = parse({**TABLE_CONFIG, "label_noise": 0, "train_size": pool, "batch_size": 10})
    code = script(config, 0, "pytorch", table=table.described())
    namespace: dict[str, Any] = {"__name__": "script"}
    exec(compile(code, "script", "exec"), namespace)
    number = table.is_number.index(True) if True in table.is_number else None
    train_x, train_y, val_x, val_y = namespace["load_data"](np.random.default_rng(0))
    x, y = np.concatenate([train_x, val_x]), np.concatenate([train_y, val_y])
    assert x.shape == (table.rows, len(table.feature_names))

    def counted(values: np.ndarray) -> list[tuple[int, int]]:
        """How many rows there are of each class, and of each different row of numbers of the class, by size."""
        rows = np.unique(np.round(values, 4), axis=0, return_counts=True)[1]
        return sorted(rows.tolist())

    assert sorted(np.bincount(y).tolist()) == sorted(table.class_counts)
    mine = table.features.copy()
    if number is not None:
        column = mine[:, number]
        mine[np.isnan(column), number] = 1e9  # one value, whatever the median is
        theirs = np.round(x[:, 0], 5)  # numbers come first there
        assert len(np.unique(theirs)) in (len(np.unique(column)), len(np.unique(column)) - 1)  # the median may be there
    hot = [place for place, is_number in enumerate(table.is_number) if not is_number]
    if hot:
        assert counted(np.c_[x[:, -len(hot) :], y]) == counted(np.c_[mine[:, hot], table.labels])
    elif table.columns[0].missing == 0:
        assert counted(np.c_[x, y]) == counted(np.c_[mine, table.labels])
    assert np.isfinite(run_script(code, 25)).all()


def loading(code: str) -> dict[str, Any]:
    """What a script reads its data with, be its framework here or not."""
    tree = ast.parse(code)
    kept: list[ast.stmt] = [
        node
        for node in tree.body
        if (isinstance(node, ast.Import | ast.ImportFrom) and not ast.unparse(node).startswith(OF_FRAMEWORKS))
        or (isinstance(node, ast.Assign) and "torch" not in ast.unparse(node) and "keras" not in ast.unparse(node))
        or (isinstance(node, ast.FunctionDef) and node.name in TO_LOAD)
    ]
    namespace: dict[str, Any] = {"__name__": "script"}
    exec(compile(ast.Module(kept, []), "script", "exec"), namespace)
    return namespace


OF_FRAMEWORKS: Final = ("import torch", "from torch", "import keras", "from keras")
TO_LOAD: Final = ("clean", "is_missing", "merge", "number", "one_hot", "load_data")


def of_itself(column: np.ndarray) -> list[float]:
    """The different numbers of a column as shares of its range, which standardising does not change."""
    known = np.unique(column[np.isfinite(column)])
    width = known[-1] - known[0] if len(known) > 1 else 1
    return [float(each) for each in (known - known[0]) / width]


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("odd", USABLE, ids=lambda odd: odd.name)
def test_a_script_reads_every_file_that_the_lab_reads(
    odd: Odd, framework: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.csv").write_bytes(odd.content)
    monkeypatch.chdir(tmp_path)
    table = read_table(odd.content, "t.csv", odd.label)
    used = len(table.labels)  # all rows, or those that are kept of many
    pool = pool_size(used)
    config = parse({**TABLE_CONFIG, "label_noise": 0, "train_size": pool, "batch_size": 10})
    train_x, train_y, val_x, val_y = loading(script(config, 0, framework, table=table.described()))["load_data"](
        np.random.default_rng(0)
    )
    x, y = np.concatenate([train_x, val_x]), np.concatenate([train_y, val_y])
    assert (len(train_x), x.shape) == (pool, (used, len(table.feature_names)))
    assert np.isfinite(x).all()
    if used < table.rows:
        assert set(y) <= set(range(len(table.classes)))
        return
    assert sorted(np.bincount(y)) == sorted(table.class_counts)
    numbers = [place for place, is_number in enumerate(table.is_number) if is_number]
    for theirs, place in zip(x.T, numbers, strict=False):  # numbers come first there
        mine = of_itself(table.features[:, place])
        found = of_itself(theirs.astype(float))
        filled = int(np.isnan(table.features[:, place]).any())  # by the median, which may be a number of its own
        assert len(mine) <= len(found) <= len(mine) + filled
        assert np.abs(np.subtract.outer(mine, found)).min(axis=1).max() < 1e-5
    hot = [place for place, is_number in enumerate(table.is_number) if not is_number]
    theirs = sorted(x[:, len(numbers) :].sum(axis=0).tolist())
    assert theirs == sorted(table.features[:, hot].sum(axis=0).tolist())


def test_without_its_table_there_is_no_script() -> None:
    with pytest.raises(KnobError, match="a table that was uploaded"):
        script(parse(TABLE_CONFIG), 0, "pytorch")


def test_a_script_reads_idx_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mnist"
    folder.mkdir()
    random = np.random.default_rng(0)
    for part, count in (("train", 400), ("t10k", 200)):
        images = random.integers(0, 256, (count, 8, 8), dtype=np.uint8)
        labels = random.integers(0, 10, count, dtype=np.uint8)
        for name, array in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
            head = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
            (folder / name).write_bytes(head + array.tobytes())
    monkeypatch.chdir(tmp_path)
    for network in NETWORKS:
        code = script(parse({"dataset": "idx", "network": network, "train_size": 64}), 1, "pytorch", shape=(8, 8))
        assert np.isfinite(run_script(code, 25)).all()


# ---------------------------------------------------------------- that they run


@pytest.mark.parametrize(("network", "kind"), [*product(NETWORKS, KINDS)])
def test_pytorch_scripts_run_with_every_kind_of_dropout(network: str, kind: str) -> None:
    for mask, way in zip(("per_example", "per_batch"), cycle(ways(network))):
        lane = used_up(network, kind, **way, **REGULARISERS["all"])
        history = run_script(
            script(config_of(network, lane, mask=mask, train_size=64, batch_size=32), 0, "pytorch"), 25
        )
        assert [each[0] for each in history] == [25]
        assert np.isfinite(history).all()


@pytest.mark.parametrize("dataset", ["moons", "circles", "spirals", "xor", "gaussians", "breast_cancer", "wine"])
def test_pytorch_scripts_run_on_every_data_set(dataset: str) -> None:
    history = run_script(script(parse({"dataset": dataset, "train_size": 60, "batch_size": 30}), 1, "pytorch"), 50)
    assert [each[0] for each in history] == [25, 50]
    assert np.isfinite(history).all()


def test_a_script_runs_as_a_program(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(script(parse({}), 1, "pytorch").replace("STEPS = 1000", "STEPS = 50"))
    ran = subprocess.run(
        [sys.executable, str(path)], cwd=tmp_path, capture_output=True, text=True, timeout=300 * TIMEOUT_FACTOR
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert re.fullmatch(r" +25  train \d\.\d{3} [\d.]+%  val .*\n +50  train .*\n", ran.stdout)


def test_early_stopping_ends_a_script_and_gives_the_best_weights_back() -> None:
    text = script(config_of("mlp", {"dropout": (0.0,) * 4, "patience": 3}), 0, "pytorch")
    text = text.replace("return history", "return history, evaluate(model, val_x, val_y)[0]")
    namespace: dict[str, Any] = {"__name__": "script"}
    exec(compile(text, "script", "exec"), namespace)
    history, loss = namespace["main"](steps=1000)  # without dropout it is over after some 250 steps
    losses = [each[2] for each in history]
    assert len(history) < 40
    assert losses.index(min(losses)) == len(losses) - 4
    assert loss == pytest.approx(min(losses))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "dropconnect"])
def test_the_dropout_of_a_script_has_the_mean_and_variance_of_its_kind(kind: str) -> None:
    text = script(config_of("mlp", {"dropout_kind": kind}, mask="per_batch"), 0, "pytorch")
    namespace: dict[str, Any] = {"__name__": "script"}
    exec(compile(text, "script", "exec"), namespace)
    (name,) = set(re.findall(r"^class (\w+)", text, re.MULTILINE))
    torch.manual_seed(0)
    p, units = 0.2, 1_000_000
    layer = namespace[name](p)
    factor = layer(torch.ones(2, units))
    assert torch.equal(factor[0], factor[1])  # one mask for the whole mini-batch
    scaled = kind not in ("classic", "unscaled")
    mean, variance = (1.0, p / (1 - p)) if scaled else (1 - p, p * (1 - p))
    # Means of a million: within 6 standard errors, of which a right layer misses one in 10⁹. The variance of a squared
    # deviation is at most 3 times the squared variance for each of these distributions at p = 0.2.
    assert abs(factor[0].mean() - mean) < 6 * (variance / units) ** 0.5
    assert abs(factor[0].var() - variance) < 6 * (3 * variance**2 / units) ** 0.5
    assert layer.eval()(torch.ones(1, 3)).tolist() == [[pytest.approx(1 - p if kind == "classic" else 1.0)] * 3]


# ---------------------------------------------------------------- that they train as the lane does

DEFAULT_STEPS, EVERY = 150, 50
WRONG: Final = {
    "dropout left out": lambda text: re.sub(r"\n +nn\.Dropout.*", "", text),
    "rates halved": lambda text: text.replace("p=0.5", "p=0.25").replace("p=0.2)", "p=0.1)"),
    "eval() forgotten": lambda text: text.replace("model.eval()", "pass"),
}


def test_the_scripts_of_the_default_train_as_its_lanes_do_and_wrong_ones_are_found_out() -> None:
    lanes = lane_curves({}, DEFAULT_STEPS, EVERY)
    for lane in (0, 1):
        assert p_value(lanes[lane], script_curves({}, lane, DEFAULT_STEPS, EVERY)) > FALSE_ALARM
    for what, change in WRONG.items():
        curves = script_curves({}, 1, DEFAULT_STEPS, EVERY, change)
        assert p_value(lanes[1], curves) <= FALSE_ALARM, what


@pytest.mark.parametrize("network", OTHERS)
def test_the_scripts_of_other_networks_train_as_their_lanes_do(network: str) -> None:
    lanes = lane_curves({"network": network}, 100, 25)
    assert p_value(lanes[1], script_curves({"network": network}, 1, 100, 25)) > FALSE_ALARM


def test_the_p_value_is_that_of_a_permutation_test() -> None:
    random = np.random.default_rng(0)
    apart = p_value(random.normal(size=(9, 4)), random.normal(size=(9, 4)) + 9)
    assert apart == pytest.approx(2 / 48_620)  # of 18 choose 9 splits only this one, either way round
    alike = [p_value(random.normal(size=(5, 3)), random.normal(size=(5, 3))) for _ in range(400)]
    # Uniform, if anything a little larger: how many of 400 are at most 0.1 is at most Binomial(400, 0.1), which
    # exceeds 76, six standard deviations above its mean, once in more than 10⁶ times.
    assert sum(value <= 0.1 for value in alike) <= 76
