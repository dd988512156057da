"""The record of the LSTM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trainer.settings.networks.base import PIXELS, NetworkKind, Pairs, Places
from trainer.settings.shapes import IMAGES, Size

GATES = 4


class LSTM(NetworkKind):
    """Rows of an image → dropout → LSTM, its state dropped between time steps → last state → dropout → linear.

    The masks of its state act at every time step: 0.3 is recommended there, with the output's 0.5.
    """

    name = "lstm"
    title = "LSTM"
    article = "an"
    long = "LSTM"
    help = "a recurrent network that reads an image row by row (Hochreiter & Schmidhuber 1997)"
    one, several = "LSTM", "LSTMs"
    reads, read, manner = "reads", "read", "row by row"
    places = (
        replace(PIXELS, tied=(0,), group="column", unit="pixel in row {row} (time step {row}), column {column}"),
        Places(
            family="recurrent",
            rate=0.3,
            dense="none",
            tied=(0,),
            group="unit",
            narrow=True,
            unit="state from time step {row} to {next}, unit {column} of {columns}",
            units="values of the state on its way between time steps",
            band="state",
        ),
        Places(
            family="output",
            rate=0.5,
            narrow=True,
            unit="last state, unit {unit} of {units}",
            units="units of the last state",
            band="last state",
        ),
    )
    model = ".models.lstm:LaneLSTM"
    exporter = ".export.lstm:LSTM"
    recommended = {"hidden": (64,), "learning_rate": 3e-3}  # noqa: RUF012 - nobody writes to it
    effort = 3  # small matrices take longer than large ones
    own_knobs = ("recurrent_mask",)
    hidden = "of an LSTM the units of its state"
    signed = recurrent = True

    gates = GATES

    def obstacle(self, dataset: str) -> str:
        """It reads rows."""
        return "" if dataset in IMAGES else "has no rows to be read one after the other"

    def wrong_hidden(self, hidden: Sequence[int]) -> str:
        """It has one layer."""
        return "" if len(hidden) == 1 else f"one number for {self.article} {self.name}, the units of its state"

    def rates(self, dropout: Sequence[float], groups: Sequence[float], recurrent_mask: str) -> Pairs:
        """Those of single elements, and those of units over all time steps."""
        read, state, output = dropout
        if recurrent_mask == "variational":
            return (0.0, 0.0, output), (read, state, 0.0)
        return tuple(dropout), (0.0, 0.0, 0.0)

    def _cell(self, size: Size, hidden: Sequence[int]) -> int:
        return self.gates * hidden[0] * (size.side + hidden[0])

    def multiplications(self, size: Size, channels: Sequence[int], hidden: Sequence[int]) -> int:
        """Those of its cell, at every time step, and of the linear layer."""
        return size.side * self._cell(size, hidden) + hidden[0] * size.classes

    def all_weights(self, size: Size, channels: Sequence[int], hidden: Sequence[int]) -> int:
        """Those of its cell and of the linear layer."""
        return self._cell(size, hidden) + hidden[0] * size.classes

    def widest_layer(self, size: Size, channels: Sequence[int], hidden: Sequence[int]) -> int:
        """Its gates at all time steps."""
        return size.side * self.gates * hidden[0]

    def dense_weights(self, size: Size, channels: Sequence[int], hidden: Sequence[int]) -> int:
        """Those of the linear layer."""
        return hidden[0] * size.classes
