"""Watching a model of one's own: the masks that it really used, on a page of the lab, while it trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from dropout_lab.watching.lab import Watching
from dropout_lab.watching.series import printable
from dropout_lab.watching.voting import VoteError

__all__ = ["VoteError", "Watching", "watch"]


def watch(
    model: nn.Module,
    *,
    optimizer: torch.optim.Optimizer | None = None,
    val: Any = None,
    name: str | None = None,
    control: bool = False,
    server: str | None = None,
    methods: Sequence[str] = (),
    quiet: bool = False,
) -> Watching:
    """Watch a model while it trains; its training is what it would be unwatched, bit for bit.

    Args:
        model: any module; it gets no hook, and is left as it was when the watch is closed.
        optimizer: what updates it: then each update is a step. Without it, and without calls of `Watching.step`, a step
            is a backward pass.
        val: ``(x, y)``, at most 2,000 examples are used: thinned sub-networks vote on them, now and then.
        name: how the page calls it; by default as its class is called.
        control: whether the page may move its rates, and pause the training.
        server: address of a lab; by default that in ``DROPOUT_LAB_URL``, else one on this machine, which is started if
            there is none and ends half an hour after its last use.
        methods: of the model, such as ``training_step``, a call of which is a pass like a call of the model itself.
        quiet: whether nothing is printed.

    Returns:
        The watch. It ends with its ``with``, with `Watching.close`, with the program, or when nothing holds it any
        more: keep it as long as the training runs.

    Raises:
        TypeError: ``model`` is no module or has no such method, or ``val`` is no pair.
        ValueError: the model is watched already, or ``server`` is no address.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"{type(model).__name__} is not allowed: watch takes a torch.nn.Module")
    watching = Watching(
        model,
        optimizer=optimizer,
        val=val,
        name=printable(name or type(model).__name__),
        control=control,
        server=server,
        methods=methods,
    )
    if not quiet:
        print(f"Dropout Lab: {watching.url}", flush=True)
    return watching
