"""A lane as a script in Keras 3; written against Keras 3.15."""

from __future__ import annotations

from typing import Final

from trainer.export.data import Data, data_part
from trainer.export.frame import PRINT, heading, settings
from trainer.export.keras_layers import dropout, own_layers
from trainer.export.network import Exporter, Layer, exporter
from trainer.export.recipe import Recipe
from trainer.export.schedule import share_function
from trainer.export.text import block, imports, inside, lines, module, when
from trainer.settings.lane import EVALUATE_EVERY


def keras_script(recipe: Recipe) -> str:
    """The whole script."""
    network = exporter(recipe)
    image = network.example(recipe, channels_last=True)
    data = data_part(recipe, image)
    model = _model(network, recipe, image or (recipe.features,))
    own = [*own_layers(recipe, model), *network.keras_classes(recipe, model)]
    return module(
        lines(
            heading(recipe, "Keras 3", "keras", data),
            "",
            _imports(data, bool(own)),
            "",
            settings(recipe, data, "by"),
        ),
        *data.functions,
        *own,
        _options(recipe),
        model,
        share_function(recipe),
        _SCHEDULE if recipe.scheduled else "",
        _SCORES.replace("EVERY", str(EVALUATE_EVERY)).replace("PRINT", PRINT),
        _BATCHES,
        _main(recipe),
        'if __name__ == "__main__":\n    main()',
    )


def _imports(data: Data, ops: bool) -> str:
    standard = imports(data.standard)
    named = "layers, ops" if ops else "layers"
    others = ("import keras", "import numpy as np", f"from keras import {named}", *data.imports)
    return lines(standard, when(standard, ""), *others)


# ---------------------------------------------------------------- the network


def _penalty(recipe: Recipe) -> str:
    lane = recipe.lane
    if lane.l1 and lane.l2:
        return "keras.regularizers.L1L2(l1=L1, l2=L2 / 2)"
    return "keras.regularizers.L1(L1)" if lane.l1 else "keras.regularizers.L2(L2 / 2)"


def _options(recipe: Recipe) -> str:
    """A function that says what all layers with weights have in common."""
    lane = recipe.lane
    penalised = bool(lane.l1 or lane.l2)
    weights = lines(
        f"def weights(fan_in{', axis=0' if lane.max_norm else ''}):",
        '    """Initial weights as PyTorch, and the lab, have them'
        f'{", and what holds them down" if penalised or lane.max_norm else ""}."""',
        "    bound = fan_in**-0.5",
        "    return {",
        *(f'        "{name}_initializer": keras.initializers.RandomUniform(-bound, bound),' for name in _PARTS),
        *when(penalised, *(f'        "{name}_regularizer": {_penalty(recipe)},' for name in _PARTS)),
        *when(
            lane.max_norm,
            "        # Only the weights into hidden units are limited.",
            '        "kernel_constraint": None if axis is None else keras.constraints.MaxNorm(MAX_NORM, axis=axis),',
        ),
        "    }",
    )
    norm = lines(
        "def batch_norm():",
        '    """Its scale and shift are held down like all other weights."""',
        f'    held = {{name: {_penalty(recipe)} for name in ("gamma_regularizer", "beta_regularizer")}}',
        f"    return {_NORM.format(more=', **held')}",
    )
    weights = module(weights, norm if penalised and lane.batch_norm else "").rstrip("\n")
    own = exporter(recipe).keras_weights(recipe, _penalty(recipe) if penalised else "")
    return module(weights, own).rstrip("\n") if own else weights


_NORM: Final = "layers.BatchNormalization(momentum=0.9, epsilon=1e-5{more})"
_PARTS: Final = ("kernel", "bias")


def _layer(recipe: Recipe, layer: Layer) -> str:
    free = ", axis=None" if layer.last and recipe.lane.max_norm else ""
    match layer.kind:
        case "dense":
            return f"layers.Dense({layer.outputs}, **weights({layer.inputs}{free}))"
        case "dropconnect":
            return f"DropConnect({layer.outputs}, {layer.rate!r}, **weights({layer.inputs}{free}))"
        case "conv":
            axis = ", axis=[0, 1, 2]" if recipe.lane.max_norm else ""
            return f'layers.Conv2D({layer.outputs}, 3, padding="same", **weights({9 * layer.inputs}{axis}))'
        case "norm":
            return "batch_norm()" if recipe.lane.l1 or recipe.lane.l2 else _NORM.format(more="")
        case "relu":
            return "layers.ReLU()"
        case "pool":
            return "layers.MaxPooling2D(2)"
        case "flatten":
            return "layers.Flatten()"
        case "dropout":
            return dropout(recipe, layer.rate, 4 if layer.image else 2)
        case "spatial":
            return dropout(recipe, layer.rate, 4, shared=(1, 2))


def _model(network: Exporter, recipe: Recipe, shape: tuple[int, ...]) -> str:
    made = [
        f"keras.Input({shape!r}),",
        *when(recipe.lane.input_noise, "layers.GaussianNoise(INPUT_NOISE),"),
        *network.keras_layers(recipe),
        *(f"{_layer(recipe, layer)}," for layer in network.chain(recipe)),
    ]
    return lines(
        "def make_model():",
        '    """The network; it returns logits."""',
        "    return keras.Sequential(",
        "        [",
        inside(lines(made), 3),
        "        ]",
        "    )",
    )


# ---------------------------------------------------------------- training

_SCHEDULE: Final = block('''
    class Schedule(keras.callbacks.Callback):
        """Moves the rates at every step."""

        def __init__(self, dropping):
            super().__init__()
            self.rates = [(layer, layer.rate) for layer in dropping]
            self.step = 0

        def on_train_batch_begin(self, batch, logs=None):
            self.step += 1
            for layer, rate in self.rates:
                layer.rate = rate * share(self.step)
    ''')

_SCORES: Final = block('''
    class Scores(keras.callbacks.Callback):
        """Keeps and prints loss and accuracy in evaluation mode, without penalties, every EVERY steps."""

        def __init__(self, x, y):
            super().__init__()
            self.x, self.y = x, y
            self.history = []

        def on_epoch_end(self, epoch, logs=None):
            step = EVERY * (epoch + 1)
            train = self.model.evaluate(self.x, self.y, batch_size=len(self.x), verbose=0, return_dict=True)
            train_loss, train_accuracy = train["cross_entropy"], train["accuracy"]
            val_loss, val_accuracy = logs["val_cross_entropy"], logs["val_accuracy"]
            if not np.isfinite(train_loss + val_loss):
                raise SystemExit(DIVERGED.format(step=step))
            self.history.append((step, train_loss, val_loss, train_accuracy, val_accuracy))
            PRINT
    ''')

_BATCHES: Final = block('''
    def batches(x, y, rng):
        """Mini-batches without end: every epoch in a new order, its last, incomplete one left out."""
        while True:
            order = rng.permutation(len(x))
            for start in range(0, len(x) - BATCH_SIZE + 1, BATCH_SIZE):
                rows = order[start : start + BATCH_SIZE]
                yield x[rows], y[rows]
    ''')


def _optimizer(recipe: Recipe) -> str:
    """In Keras, weight_decay is decoupled from the gradient whatever the optimiser."""
    decay = ", weight_decay=WEIGHT_DECAY" if recipe.lane.weight_decay else ""
    if recipe.config.optimizer == "sgd":
        return f"keras.optimizers.SGD(learning_rate=LEARNING_RATE, momentum=0.9{decay})"
    return f"keras.optimizers.Adam{'W' if decay else ''}(learning_rate=LEARNING_RATE, epsilon=1e-8{decay})"


def _main(recipe: Recipe) -> str:
    lane = recipe.lane
    data_seed = "DATA_SEED" if recipe.seed != recipe.config.seed else "SEED"
    smoothed = bool(lane.label_smoothing)
    sparse = "" if smoothed else "Sparse"
    smoothing = ", label_smoothing=LABEL_SMOOTHING" if smoothed else ""
    metric = f'keras.metrics.{sparse}CategoricalCrossentropy(from_logits=True, name="cross_entropy")'
    body = lines(
        f"rng = np.random.default_rng({data_seed})",
        "keras.utils.set_random_seed(SEED)",
        "train_x, train_y, val_x, val_y = load_data(rng)",
        when(recipe.config.label_noise, "train_y = make_labels_wrong(train_y, rng)"),
        when(
            smoothed,
            f'one_hot = np.eye({recipe.classes}, dtype="float32")  # the loss can smooth only labels in this form',
            "train_y, val_y = one_hot[train_y], one_hot[val_y]",
        ),
        "",
        "model = make_model()",
        "model.compile(",
        f"    optimizer={_optimizer(recipe)},",
        f"    loss=keras.losses.{sparse}CategoricalCrossentropy(from_logits=True{smoothing}),",
        f'    metrics=["accuracy", {metric}],',
        when(recipe.scheduled, "    run_eagerly=True,  # a compiled step would keep the rates of its first time"),
        ")",
        "scores = Scores(train_x, train_y)",
        _callbacks(recipe),
        "# An epoch, as Keras calls it, is here what lies between two evaluations. fit() trains with dropout and",
        "# evaluates without it: Keras has no model.train() and model.eval().",
        "model.fit(",
        f"    batches(train_x, train_y, {'rng' if data_seed == 'SEED' else 'np.random.default_rng(SEED)'}),",
        f"    steps_per_epoch={EVALUATE_EVERY},",
        f"    epochs=steps // {EVALUATE_EVERY},",
        "    validation_data=(val_x, val_y),",
        "    validation_batch_size=len(val_x),",
        "    shuffle=False,  # the mini-batches already are",
        "    callbacks=callbacks,",
        "    verbose=0,",
        ")",
        "return scores.history",
    )
    return lines(
        "def main(steps=STEPS):",
        f'    """Train, and return (step, training loss, validation loss, and both accuracies) every {EVALUATE_EVERY} '
        'steps."""',
        inside(body),
    )


def _callbacks(recipe: Recipe) -> str:
    stop = (
        'keras.callbacks.EarlyStopping("val_cross_entropy", mode="min", patience=PATIENCE, restore_best_weights=True)'
    )
    return lines(
        "callbacks = [scores]",
        when(
            recipe.scheduled,
            'dropping = [layer for layer in model.layers if hasattr(layer, "rate")]',
            *exporter(recipe).keras_dropping(recipe),
            "callbacks.append(Schedule(dropping))",
        ),
        when(recipe.lane.patience, "callbacks.append(", f"    {stop}", ")"),
    )
