"""Operations that PyTorch puts together from others: taken apart, where they come whole.

In inference mode, and of tensors that were made in it, autograd takes no part, and it is autograd that takes such
operations apart before they pass the dispatcher's modes. So ``F.dropout`` comes whole there, with its mask inside.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, Final

import torch
from torch import Tensor
from torch._C import DispatchKey
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

_DENSE: Final[Mapping[str, str]] = {"cpu": "CPU", "cuda": "CUDA", "mps": "MPS", "xpu": "XPU"}
_AUTOCAST: Final[Mapping[str, str]] = {"cpu": "AutocastCPU", "cuda": "AutocastCUDA", "mps": "AutocastMPS"}
_RATES: Final = ("p", "dropout", "dropout_p")  # how such operations call their rate,
_DROPS: Final = ("dropout", "lstm", "gru", "rnn_", "scaled_dot_product_attention")  # and how they are called


@functools.cache
def is_composite(func: Any) -> bool:
    """Whether an operation does nothing but call others."""
    return isinstance(func, OpOverload) and _has_kernel(func, "CompositeImplicitAutograd")


@functools.cache
def _has_kernel(func: OpOverload, key: str) -> bool:
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key(_name(func), key))


def _name(func: OpOverload) -> str:
    return str(func._name)


def can_be_taken_apart(func: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether what an operation calls is all that it does, for these tensors."""
    return all(
        tensor.layout is torch.strided
        and not tensor.is_nested
        and not tensor.is_quantized
        and (dense := _DENSE.get(tensor.device.type)) is not None
        and not _has_kernel(func, dense)
        for tensor in _tensors((*args, *kwargs.values()))
    )


def taken_apart(mode: TorchDispatchMode, func: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Run an operation so that all that it calls passes a mode, as if it had been called outside of it.

    Only where the dispatcher stands as it stood then are the results the same bit for bit: what inference mode makes of
    weights decides by which of two ways some products are computed, and autocast casts inside.

    Args:
        mode: the mode in which this is called.
        func: the operation.
        args: what it is given,
        kwargs: and what by name.
    """
    with torch._C._RestorePythonTLSSnapshot(), mode:  # type: ignore[attr-defined]
        cast = [key for key in _AUTOCAST.values() if _has_kernel(func, key)]  # outside, autocast has acted already
        excluded = [torch._C._dispatch_tls_is_dispatch_key_excluded(key) for key in cast]
        try:
            for key in cast:
                torch._C._dispatch_tls_set_dispatch_key_excluded(key, True)
            return func._op_dk(DispatchKey.CompositeImplicitAutograd, *args, **kwargs)
        finally:
            for key, was in zip(cast, excluded, strict=True):
                torch._C._dispatch_tls_set_dispatch_key_excluded(key, was)


def rate_of(func: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> float:
    """The rate with which an operation drops in itself; 0: it does not."""
    if not _name(func).removeprefix("aten::").removeprefix("feature_").removeprefix("alpha_").startswith(_DROPS):
        return 0.0
    given = dict(zip((each.name for each in func._schema.arguments), args, strict=False)) | dict(kwargs)
    if given.get("train") is False:
        return 0.0
    return float(next((given[name] for name in _RATES if name in given), 0.0))


def written_to(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[Tensor]:
    """The tensors that an operation has written over."""
    for place, name in _written_arguments(func):
        value = args[place] if place < len(args) else kwargs.get(name)
        if isinstance(value, Tensor):
            yield value


@functools.cache
def _written_arguments(func: Any) -> tuple[tuple[int, str], ...]:
    if not isinstance(func, OpOverload):
        return ()
    arguments = enumerate(func._schema.arguments)
    return tuple((at, each.name) for at, each in arguments if each.alias_info is not None and each.alias_info.is_write)


def _tensors(values: tuple[Any, ...]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, tuple | list):
            yield from (each for each in value if isinstance(each, Tensor))
