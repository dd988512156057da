"""The LSTM as code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from trainer.export.keras_layers import dropout
from trainer.export.network import Exporter, Layer, dense, norm_and_drop
from trainer.export.pytorch_layers import dropout_name
from trainer.export.recipe import Recipe
from trainer.export.text import block, inside, lines, when


class LSTM(Exporter):
    """A framework's own layer where the state is left alone, else a loop over its cell; then the layers behind it."""

    made_by = "Network"

    def chain(self, recipe: Recipe) -> Iterator[Layer]:
        """The layers from the last state on."""
        yield from norm_and_drop(recipe, "output", recipe.widths[0])
        yield dense(recipe, "output", recipe.widths[0], recipe.classes, last=True)

    def pytorch(self, recipe: Recipe, sequential: str) -> str:
        """The module: ``nn.LSTM`` where its state is left alone, else a loop over its cell."""
        looped = bool(recipe.sites["recurrent"].rate or recipe.sites["recurrent"].group)
        noisy_input = bool(recipe.sites["input"].rate or recipe.sites["input"].group)
        inputs, units = recipe.shape[1], recipe.widths[0]
        name = dropout_name(recipe)
        rates = {site: recipe.sites[site].rate or recipe.sites[site].group for site in ("input", "recurrent")}
        made = (
            f"self.cell = nn.LSTMCell({inputs}, {units})"
            if looped
            else (f"self.lstm = nn.LSTM({inputs}, {units}, batch_first=True)")
        )
        init = lines(
            made,
            when(noisy_input, f"self.input_dropout = {name}(p={rates['input']!r})"),
            when(looped, f"self.recurrent_dropout = {name}(p={rates['recurrent']!r})"),
            f"self.head = {sequential}",
        )
        shared = recipe.lane.recurrent_mask == "variational"
        forward = lines(
            when(noisy_input, _INPUT_SHARED if shared else _INPUT_FRESH),
            (_LOOP_SHARED if shared else _LOOP_FRESH).replace("UNITS", str(units)) if looped else _PLAIN,
        )
        return lines(
            "class Network(nn.Module):",
            '    """Reads an image row by row, and tells its class from the last state; returns logits."""',
            "",
            "    def __init__(self):",
            "        super().__init__()",
            inside(init, 2),
            "",
            f"    def forward(self, x):  # (examples, {recipe.shape[0]} rows, {inputs} columns)",
            inside(forward, 2),
        )

    def keras_layers(self, recipe: Recipe) -> Iterator[str]:
        """Keras has variational masks for an LSTM; for any others its cell is looped over."""
        state, given = recipe.sites["recurrent"], recipe.sites["input"]
        units = recipe.widths[0]
        weights = f"**lstm_weights({units})"
        builtin = not recipe.dropout.of_units.keras.name and not recipe.per_batch
        builtin = builtin and not state.rate and not given.rate and not recipe.scheduled
        if builtin:
            rates = [
                *when(given.group, f"dropout={given.group!r}"),
                *when(state.group, f"recurrent_dropout={state.group!r}"),
            ]
            yield f"layers.LSTM({', '.join([str(units), *rates, weights])}),"
            return
        if given.rate or given.group:
            yield f"{dropout(recipe, given.rate or given.group, 3, shared=(1,) if given.group else ())},"
        if state.rate or state.group:
            dropped = dropout(recipe, state.rate or state.group, 2)
            yield f"NoisyLSTM(layers.LSTMCell({units}, {weights}), {dropped}),"
        else:
            yield f"layers.LSTM({units}, {weights}),"

    def keras_weights(self, recipe: Recipe, penalty: str) -> str:
        """The bounds of its weights follow from its units."""
        return lines(
            "def lstm_weights(units):",
            '    """Those of an LSTM, whose bounds follow from its units."""',
            "    bound = units**-0.5",
            "    return {",
            "        **weights(units),",
            '        "recurrent_initializer": keras.initializers.RandomUniform(-bound, bound),',
            *when(penalty, f'        "recurrent_regularizer": {penalty},'),
            *when(recipe.lane.max_norm, '        "recurrent_constraint": keras.constraints.MaxNorm(MAX_NORM, axis=0),'),
            '        "unit_forget_bias": False,',
            "    }",
        )

    def keras_classes(self, recipe: Recipe, used: str) -> list[str]:
        """The loop over the cell."""
        shared = recipe.lane.recurrent_mask == "variational"
        return when("NoisyLSTM(" in used, _SHARED_MASK if shared else _FRESH_MASKS)

    def keras_dropping(self, recipe: Recipe) -> list[str]:
        """The dropout of that loop."""
        state = recipe.sites["recurrent"]
        line = "dropping += [layer.dropout for layer in model.layers if isinstance(layer, NoisyLSTM)]"
        return when(state.rate or state.group, line)


_INPUT_SHARED: Final = "x = x * self.input_dropout(torch.ones_like(x[:, :1]))  # one mask for all rows"
_INPUT_FRESH: Final = "x = self.input_dropout(x)  # a fresh mask for each row"
_PLAIN: Final = block("""
    _, (h, _) = self.lstm(x)
    return self.head(h[-1])
    """)
_LOOP_SHARED: Final = block("""
    h = c = x.new_zeros(len(x), UNITS)
    mask = self.recurrent_dropout(torch.ones_like(h))  # one mask for all time steps (Gal & Ghahramani 2016)
    for row in x.unbind(1):
        h, c = self.cell(row, (h * mask, c))
    return self.head(h)
    """)
_LOOP_FRESH: Final = block("""
    h = c = x.new_zeros(len(x), UNITS)
    for row in x.unbind(1):
        h, c = self.cell(row, (self.recurrent_dropout(h), c))  # a fresh mask at every time step
    return self.head(h)
    """)

_SHARED_MASK: Final = block('''
    class NoisyLSTM(layers.Layer):
        """An LSTM whose state is dropped on its way to the next time step: one mask for all of them."""

        def __init__(self, cell, dropout):
            super().__init__()
            self.cell = cell
            self.dropout = dropout

        def call(self, x, training=False):
            h = c = ops.zeros((ops.shape(x)[0], self.cell.units))
            mask = self.dropout(ops.ones_like(h), training=training)
            for step in range(x.shape[1]):
                _, (h, c) = self.cell(x[:, step], [h * mask, c])
            return h
    ''')

_FRESH_MASKS: Final = block('''
    class NoisyLSTM(layers.Layer):
        """An LSTM whose state is dropped on its way to the next time step: a fresh mask at each."""

        def __init__(self, cell, dropout):
            super().__init__()
            self.cell = cell
            self.dropout = dropout

        def call(self, x, training=False):
            h = c = ops.zeros((ops.shape(x)[0], self.cell.units))
            for step in range(x.shape[1]):
                _, (h, c) = self.cell(x[:, step], [self.dropout(h, training=training), c])
            return h
    ''')
