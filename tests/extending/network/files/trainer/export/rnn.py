"""The simple recurrent network as code: a loop over a framework's cell, then the layers behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from trainer.export.keras_layers import dropout
from trainer.export.lstm import LSTM
from trainer.export.pytorch_layers import dropout_name
from trainer.export.recipe import Recipe
from trainer.export.text import block, inside, lines, when


class RNN(LSTM):
    """Its chain is that of an LSTM; its loop has a state and no cell."""

    def pytorch(self, recipe: Recipe, sequential: str) -> str:
        """A module with that loop."""
        read, state = (recipe.sites[name].rate or recipe.sites[name].group for name in ("input", "recurrent"))
        name = dropout_name(recipe) if read or state else "nn.Dropout"
        made = lines(
            f"self.cell = nn.RNNCell({recipe.shape[1]}, {recipe.widths[0]})",
            f"self.input_dropout = {name}(p={read!r})",
            f"self.recurrent_dropout = {name}(p={state!r})",
            f"self.head = {sequential}",
        )
        shared = recipe.lane.recurrent_mask == "variational"
        return lines(
            "class Network(nn.Module):",
            '    """Reads an image row by row, and tells its class from the last state; returns logits."""',
            "",
            "    def __init__(self):",
            "        super().__init__()",
            inside(made, 2),
            "",
            "    def forward(self, x):  # (examples, rows, columns)",
            inside((_SHARED if shared else _FRESH).replace("UNITS", str(recipe.widths[0])), 2),
        )

    def keras_layers(self, recipe: Recipe) -> Iterator[str]:
        """The input's dropout, and the loop."""
        state, given = recipe.sites["recurrent"], recipe.sites["input"]
        if given.rate or given.group:
            yield f"{dropout(recipe, given.rate or given.group, 3, shared=(1,) if given.group else ())},"
        units = recipe.widths[0]
        dropped = dropout(recipe, state.rate or state.group, 2)
        yield f"NoisyRNN(layers.SimpleRNNCell({units}, **rnn_weights({units})), {dropped}),"

    def keras_weights(self, recipe: Recipe, penalty: str) -> str:
        """The bounds of its weights follow from its units."""
        made = super().keras_weights(recipe, penalty).replace("lstm_weights", "rnn_weights").replace("LSTM", "RNN")
        return lines(line for line in made.split("\n") if "unit_forget_bias" not in line)

    def keras_classes(self, recipe: Recipe, used: str) -> list[str]:
        """The loop over the cell."""
        return [_KERAS_SHARED if recipe.lane.recurrent_mask == "variational" else _KERAS_FRESH]

    def keras_dropping(self, recipe: Recipe) -> list[str]:
        """The dropout of that loop."""
        state = recipe.sites["recurrent"]
        line = "dropping += [layer.dropout for layer in model.layers if isinstance(layer, NoisyRNN)]"
        return when(state.rate or state.group, line)


_SHARED: Final = block("""
    x = x * self.input_dropout(torch.ones_like(x[:, :1]))  # one mask for all rows
    h = x.new_zeros(len(x), UNITS)
    mask = self.recurrent_dropout(torch.ones_like(h))  # one mask for all time steps
    for row in x.unbind(1):
        h = self.cell(row, h * mask)
    return self.head(h)
    """)
_FRESH: Final = block("""
    x = self.input_dropout(x)  # a fresh mask for each row
    h = x.new_zeros(len(x), UNITS)
    for row in x.unbind(1):
        h = self.cell(row, self.recurrent_dropout(h))  # a fresh mask at every time step
    return self.head(h)
    """)
_KERAS_SHARED: Final = block('''
    class NoisyRNN(layers.Layer):
        """A simple recurrent layer whose state is dropped on its way: one mask for all time steps."""

        def __init__(self, cell, dropout):
            super().__init__()
            self.cell = cell
            self.dropout = dropout

        def call(self, x, training=False):
            h = ops.zeros((ops.shape(x)[0], self.cell.units))
            mask = self.dropout(ops.ones_like(h), training=training)
            for step in range(x.shape[1]):
                h, _ = self.cell(x[:, step], [h * mask])
            return h
    ''')
_KERAS_FRESH: Final = (
    _KERAS_SHARED.replace("one mask for all time steps", "a fresh mask at each time step")
    .replace("        mask = self.dropout(ops.ones_like(h), training=training)\n", "")
    .replace("[h * mask]", "[self.dropout(h, training=training)]")
)
