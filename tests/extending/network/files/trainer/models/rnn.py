"""The simple recurrent network, in lanes."""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.models.lstm import LaneLSTM


def elman(
    x: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Read sequences from h = 0: h_t = tanh(W x_t + U (m_t-1 ∘ h_t-1) + b), as `torch.nn.RNNCell` (Elman 1990).

    Arguments and result are those of `trainer.layers.recurrent.lstm`, with one gate.
    """
    given = torch.einsum("lbtf,lfh->tlbh", x, weight_ih) + bias_ih + bias_hh
    states: list[Tensor] = []
    for t, row in enumerate(given.unbind()):
        if t == 0:
            states.append(torch.tanh(row))
        else:
            before = states[-1] if mask is None else states[-1] * mask[t - 1]
            states.append(torch.tanh(torch.baddbmm(row, before, weight_hh)))
    return states[-1], torch.stack([state.detach() for state in states])


class LaneRNN(LaneLSTM):
    """A network like `LaneLSTM` whose cell is `torch.nn.RNNCell`."""

    gates = 1
    unroll = staticmethod(elman)
