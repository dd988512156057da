"""A simple recurrent network in a lane computes what a loop over `torch.nn.RNNCell` computes with the same masks."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor, nn

from tests.trainer.lanes import LIMIT, Lab, assert_close, factor_given, gradient, lab
from trainer.models.lstm import LaneLSTM
from trainer.settings.dropouts import DROPOUTS, KINDS

WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
UNIT_KINDS = [kind for kind in KINDS if DROPOUTS[kind].counted != "weights"]
LANES = [
    {"name": f"{kind} {how}", "dropout": [0.1, 0.3, 0.5], "dropout_kind": kind, "recurrent_mask": how}
    for kind, how in product(UNIT_KINDS, ("variational", "per_step"))
]


def plain(made: Lab, lane: int) -> nn.ModuleDict:
    """A cell and a linear layer with the lane's weights."""
    network = made.network
    assert isinstance(network, LaneLSTM)
    cell, linear = nn.RNNCell(8, 12, dtype=made.dtype), nn.Linear(12, 10, dtype=made.dtype)
    with torch.no_grad():
        for name in WEIGHTS:
            getattr(cell, name).copy_(getattr(network.cell, name)[lane].T.reshape(getattr(cell, name).shape))
        linear.weight.copy_(network.output.linear.weight[lane].T)
        linear.bias.copy_(network.output.linear.bias[lane, 0])
    return nn.ModuleDict({"cell": cell, "linear": linear})


def passed(own: nn.ModuleDict, x: Tensor, factors: list[Tensor]) -> Tensor:
    image, between, output = factors
    h = x.new_zeros(len(x), 12)
    for t, row in enumerate((x * image).unbind(dim=1)):
        h = own["cell"](row, h * between[:, t - 1] if t else h)
    logits: Tensor = own["linear"](h * output)
    return logits


@pytest.mark.parametrize("mask", ["per_example", "per_batch"])
@pytest.mark.parametrize("dtype", LIMIT)
def test_outputs_and_gradients_are_those_of_a_loop_over_rnn_cells(dtype: torch.dtype, mask: str) -> None:
    made = lab(dtype, network="rnn", hidden=[12], lanes=LANES, mask=mask)
    made.train(2)  # so that no weight is that of the start
    network = made.network
    assert isinstance(network, LaneLSTM)
    x, labels = made.batch()
    logits = network(x)
    torch.autograd.backward(made.losses_of(logits, labels).sum())
    for lane in range(len(LANES)):
        own = plain(made, lane)
        theirs = passed(own, x.view(-1, 8, 8), [factor_given(site, lane) for site in network.dropouts])
        torch.autograd.backward(nn.functional.cross_entropy(theirs, labels))
        assert_close(logits[lane], theirs, LIMIT[dtype])
        for name in WEIGHTS:
            mine = gradient(getattr(network.cell, name))[lane].T.reshape(getattr(own["cell"], name).shape)
            assert_close(mine, gradient(getattr(own["cell"], name)), LIMIT[dtype])


def test_a_lane_begins_with_the_weights_of_nn_rnn() -> None:
    made = lab(torch.float64, network="rnn", hidden=[12], lanes=[{"seed": 7}])
    torch.manual_seed(7)
    own = nn.RNN(8, 12)
    assert isinstance(made.network, LaneLSTM)
    assert torch.equal(made.network.cell.weight_hh[0].T.float(), own.weight_hh_l0)
    assert torch.equal(made.network.cell.bias_ih[0, 0].float(), own.bias_ih_l0)
