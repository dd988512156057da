"""The record of the simple recurrent network."""

from __future__ import annotations

from trainer.settings.networks.lstm import LSTM


class RNN(LSTM):
    """An LSTM without gates: its state is what one step makes of the row and of the state before."""

    name = "rnn"
    title = "RNN"
    long = "simple recurrent network"
    help = "a recurrent network without gates that reads an image row by row (Elman 1990)"
    one, several = "simple recurrent network", "simple recurrent networks"
    model = ".models.rnn:LaneRNN"
    exporter = ".export.rnn:RNN"
    hidden = "of an RNN likewise"
    gates = 1
