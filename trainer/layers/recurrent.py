"""Long short-term memory in L lanes, over a whole sequence at once, with its gradient written out by hand.

Shapes: L lanes, B examples, T time steps, F numbers at each of them, H units. The equations are those of
`torch.nn.LSTMCell` (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000), gates in its order i, f,
g, o:

    i, f, o = σ(W x_t + U (m_t-1 ∘ h_t-1) + b), g = tanh(…), c_t = f ∘ c_t-1 + i ∘ g, h_t = o ∘ tanh(c_t)

where m is the recurrent mask, times its scale: it acts on the state as the gates see it, never on c nor on what is
handed on (Gal & Ghahramani 2016, equation 7). One autograd node for each operation of each time step would cost more
than the arithmetic; here there is one for the sequence.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_sigmoid_backward = torch.ops.aten.sigmoid_backward
_tanh_backward = torch.ops.aten.tanh_backward


class _Sequence(torch.autograd.Function):
    """What `lstm` does. Activations are laid out (T, L, B, …), so that a time step is one contiguous block."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *given: Any) -> Any:
        weight_ih, weight_hh, bias_ih, bias_hh, mask = given
        lanes, count, steps, features = x.shape
        units = weight_hh.shape[1]
        weight = torch.cat(
            [weight_hh, weight_ih, bias_ih + bias_hh], dim=1
        )  # (L, H + F + 1, 4H): all that a gate is made of
        seen = x.new_empty((steps, lanes, count, units + features + 1))  # what the gates see: state, input, one
        seen[0, ..., :units].zero_()
        seen[..., units:-1].copy_(x.permute(2, 0, 1, 3))
        seen[..., -1].fill_(1)
        gates = x.new_empty((steps, lanes, count, 4 * units))
        cells, squashed, states = (x.new_empty((steps, lanes, count, units)) for _ in range(3))
        i, f, g, o = (part.unbind() for part in torch.split(gates, units, dim=3))
        after = (*seen[1:, ..., :units].unbind(), None)
        masks = None if mask is None else mask.unbind()
        cell = None
        for t, (what, gate, both, into) in enumerate(
            zip(seen.unbind(), gates.unbind(), gates[..., : 2 * units].unbind(), after, strict=True)
        ):
            torch.bmm(what, weight, out=gate)
            both.sigmoid_()  # i and f
            g[t].tanh_()
            o[t].sigmoid_()
            before, cell = cell, torch.mul(i[t], g[t], out=cells[t])
            if before is not None:
                cell.addcmul_(f[t], before)
            state = torch.mul(o[t], torch.tanh(cell, out=squashed[t]), out=states[t])
            if into is not None:
                into.copy_(state) if masks is None else torch.mul(state, masks[t], out=into)
        ctx.save_for_backward(weight, seen, gates, cells, squashed, mask)
        ctx.units = units
        ctx.mark_non_differentiable(states)
        return states[-1], states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *given: Any) -> Any:
        weight, seen, gates, cells, squashed, mask = ctx.saved_tensors
        units = ctx.units
        i, f, g, o = torch.split(gates, units, dim=3)
        # What the gradient of c (of h for o) is multiplied by on its way to each gate, for all time steps at once.
        back = torch.empty_like(gates)
        shares = torch.split(back, units, dim=3)
        _sigmoid_backward.grad_input(g, i, grad_input=shares[0])
        shares[1][0].zero_()
        _sigmoid_backward.grad_input(cells[:-1], f[1:], grad_input=shares[1][1:])
        _tanh_backward.grad_input(i, g, grad_input=shares[2])
        _sigmoid_backward.grad_input(squashed, o, grad_input=shares[3])
        d_state: Tensor = given[0]
        d_cell = torch.zeros_like(d_state)
        d_weight = torch.zeros_like(weight)
        recurrent = weight[:, :units].transpose(1, 2).contiguous()  # (L, 4H, H): as a view it takes twice as long
        of_cell = back.view(*back.shape[:3], 4, units)[..., :3, :].unbind()
        of_state, forget, to_cell = shares[3].unbind(), f.unbind(), _tanh_backward(o, squashed).unbind()
        masks = None if mask is None else mask.unbind()
        for t, (what, gate) in reversed(
            list(enumerate(zip(seen.transpose(2, 3).unbind(), back.unbind(), strict=True)))
        ):
            d_cell.addcmul_(d_state, to_cell[t])
            of_cell[t].mul_(d_cell.unsqueeze(2))
            of_state[t].mul_(d_state)
            d_weight.baddbmm_(what, gate)
            if t:
                d_cell.mul_(forget[t])
                d_state = torch.bmm(gate, recurrent)
                if masks is not None:
                    d_state.mul_(masks[t - 1])
        d_x = None
        if ctx.needs_input_grad[0]:
            d_x = (back @ weight[:, units:-1].transpose(1, 2)).permute(1, 2, 0, 3)
        # Contiguous, because PyTorch's fused Adam reads the memory of a gradient as it lies there; and none shares its
        # memory with another, because penalties are added in place.
        d_bias = d_weight[:, -1:].contiguous()
        d_ih, d_hh = d_weight[:, units:-1].contiguous(), d_weight[:, :units].contiguous()
        return d_x, d_ih, d_hh, d_bias, d_bias.clone(), None


def lstm(
    x: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor,
    bias_hh: Tensor,
    mask: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Read sequences from h = c = 0.

    Args:
        x: (L, B, T, F).
        weight_ih: (L, F, 4H), from the input to the gates.
        weight_hh: (L, H, 4H), from the state to the gates.
        bias_ih: (L, 1, 4H).
        bias_hh: (L, 1, 4H), added to the other: `torch.nn.LSTMCell` has two.
        mask: (T - 1, L, B or 1, H), what the state is multiplied by on its way to the gates of the next time step; it
            gets no gradient.

    Returns:
        The last state (L, B, H), and all states (T, L, B, H), which have no gradient.
    """
    last, states = _Sequence.apply(x, weight_ih, weight_hh, bias_ih, bias_hh, mask)  # type: ignore[no-untyped-call]
    return last, states
