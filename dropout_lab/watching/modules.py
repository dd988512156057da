"""The modules of a model as they are at one moment: another thread may put others there while they are listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from torch import nn

MOST_TRIES: Final = 16


def modules_of(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return the modules of a model with their paths, in the order of ``named_modules()``, each once."""
    found, seen = [], set[int]()
    waiting: list[tuple[str, nn.Module]] = [("", model)]
    while waiting:
        path, module = waiting.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        found.append((path, module))
        waiting += reversed([(f"{path}.{name}" if path else name, child) for name, child in children_of(module)])
    return found


def children_of(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The modules right below another, by name."""
    for name, child in _copied(module._modules).items():
        if child is not None:
            yield name, child


def numbers_of(modules: list[tuple[str, nn.Module]]) -> dict[str, int]:
    """Return how many numbers the parameters of each module have, those of the modules below it among them.

    Args:
        modules: as `modules_of` returns them.

    Returns:
        The numbers by path. What one parameter shares with another place counts once in each module.
    """
    known: dict[int, dict[int, int]] = {}

    def sizes_of(module: nn.Module) -> dict[int, int]:
        if (sizes := known.get(id(module))) is None:
            known[id(module)] = sizes = _parameters(module)
            for _, child in children_of(module):
                sizes |= sizes_of(child)
        return sizes

    return {path: sum(sizes_of(module).values()) for path, module in modules}


def parameters_of(model: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of a model, in the order of its modules."""
    found = (each for _, module in modules_of(model) for each in _copied(module._parameters).values())
    return [each for each in found if each is not None]


def at(model: nn.Module, path: str) -> nn.Module | None:
    """Return the module that stands at a path; None: there is none."""
    module: Any = model
    for name in path.split(".") if path else ():
        if not isinstance(module, nn.Module):
            return None
        below = module._modules
        module = below.get(name) if type(below) is dict else dict(children_of(module)).get(name)
    return module if isinstance(module, nn.Module) else None


def _parameters(module: nn.Module) -> dict[int, int]:
    sizes = {}
    for each in _copied(module._parameters).values():
        if each is not None:
            try:
                sizes[id(each)] = each.numel()
            except (RuntimeError, ValueError):  # of one without a size yet
                sizes[id(each)] = 0
    return sizes


def _copied(entries: Mapping[str, Any]) -> dict[str, Any]:
    """A dictionary as it is now, though others may write into it.

    Raises:
        RuntimeError: it changes so often that it is never seen as a whole.
    """
    for _ in range(MOST_TRIES - 1):
        try:
            return dict(entries.items())
        except RuntimeError:  # it changed while it was copied
            continue
    return dict(entries.items())
