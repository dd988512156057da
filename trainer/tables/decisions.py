"""What a reader decided of a table's columns, in place of what would be found out by itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from trainer.errors import KnobError, quote

Kind = Literal["number", "category", "label", "ignored"]

KINDS: Final = ("number", "category", "label", "ignored")
MAX_DECISIONS: Final = 300  # as many columns as a table may have
MAX_MARKS: Final = 50  # texts that stand for a missing value in one column
MAX_MARK: Final = 100  # characters of one


@dataclass(frozen=True)
class Decision:
    """What was decided of one column; None: whatever is found out.

    Attributes:
        kind: what the column is.
        missing: the texts that stand for no value, beside empty cells; as they are written.
        merge_case: whether texts that differ only in capitals are the same.
        numbers: of a label, whether its texts are numbers, so that 01 is 1.
    """

    kind: Kind | None = None
    missing: tuple[str, ...] | None = None
    merge_case: bool | None = None
    numbers: bool | None = None

    def described(self) -> dict[str, Any]:
        """What was decided, as plain data: as `parse_decisions` takes it."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in told.items()
            if value is not None
        }


NOTHING: Final = Decision()
Decisions = Mapping[str, Decision]
"""By the name of the column."""


def parse_decisions(given: Any) -> dict[str, Decision]:
    """Validate decisions given as plain data, ``{"column": {"kind": …, "missing": […], …}}``.

    Raises:
        KnobError: the first that is not allowed.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping) or len(given) > MAX_DECISIONS:
        raise KnobError("columns", given, f"an object of at most {MAX_DECISIONS} columns and what is decided of each")
    decided = {name: _decision(f"columns[{quote(name)}]", each) for name, each in given.items()}
    labels = [name for name, each in decided.items() if each.kind == "label"]
    if len(labels) > 1:
        raise KnobError(f"columns[{quote(labels[1])}].kind", "label", f"another kind: the label is {quote(labels[0])}")
    return {name: each for name, each in decided.items() if each != NOTHING}


def _decision(path: str, given: Any) -> Decision:
    names = [field.name for field in fields(Decision)]
    if not isinstance(given, Mapping):
        raise KnobError(path, given, f"an object of {', '.join(names)}")
    for name in given:
        if name not in names:
            raise KnobError(path, name, f"made of {', '.join(names)}")
    for name, value in given.items():
        allowed = _ALLOWED[name]
        if value is not None and not allowed[0](value):
            raise KnobError(f"{path}.{name}", value, allowed[1])
    missing = given.get("missing")
    return Decision(
        kind=given.get("kind"),
        missing=None if missing is None else tuple(sorted({text.strip() for text in missing} - {""})),
        merge_case=given.get("merge_case"),
        numbers=given.get("numbers"),
    )


def _is_marks(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MAX_MARKS
        and all(isinstance(text, str) and len(text) <= MAX_MARK for text in value)
    )


_TRUTH: Final = (lambda value: isinstance(value, bool), "true or false")
_ALLOWED: Final[dict[str, Any]] = {
    "kind": (lambda value: isinstance(value, str) and value in KINDS, f"one of {', '.join(KINDS)}"),
    "missing": (_is_marks, f"a list of at most {MAX_MARKS} texts of at most {MAX_MARK} characters"),
    "merge_case": _TRUTH,
    "numbers": _TRUTH,
}


def check_columns(decisions: Decisions, names: Collection[str]) -> None:
    """See whether every column of which something was decided is there.

    Raises:
        KnobError: one is not.
    """
    for name in decisions:
        if name not in names:
            known = [*names]
            listed = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
            raise KnobError("columns", name, f"made of columns of the table: {listed}")
