"""What whoever looks at a watched model may say to it: a table, as `trainer.settings.commands` is one for runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.errors import BadMessageError, NotOwnerError
from app.watched.forms import TRUTH, Form, number, whole
from trainer.errors import KnobError, quote

MOST_STEPS: Final = 1000  # of one command
MOST_PASSES: Final = 256  # sub-networks that vote


@dataclass(frozen=True)
class Command:
    """One thing that may be said.

    Attributes:
        op: its name.
        takes: what stands beside it, by name.
        one_of: of which of those exactly one must be there; the others must be, too.
        usual: what counts where one of those others is left out.
        always: whether the token alone is enough, whatever `control` says.
    """

    op: str
    takes: Mapping[str, Form] = field(default_factory=dict)
    one_of: tuple[str, ...] = ()
    usual: Mapping[str, Any] = field(default_factory=dict)
    always: bool = False


TABLE: Final = (
    Command("set", {"site": whole(511), "rate": number(0, 1), "off": TRUTH}, one_of=("rate", "off")),
    Command("pause"),
    Command("play"),
    Command("step", {"count": whole(MOST_STEPS, 1)}, usual={"count": 1}),
    Command("vote", {"passes": whole(MOST_PASSES, 2)}, always=True),
)
COMMANDS: Final = {command.op: command for command in TABLE}


def read_command(
    message: Mapping[str, Any], is_owner: bool, control: bool, sites: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the command that is in a viewer's message, without its id.

    Args:
        message: what the viewer said.
        is_owner: whether it has the token.
        control: whether the model obeys.
        sites: those of the model.

    Raises:
        BadMessageError: there is no such command, or not with such arguments.
        NotOwnerError: this viewer may not.
        KnobError: a value that is not allowed.
    """
    op = message.get("op")
    command = COMMANDS.get(op) if isinstance(op, str) else None
    if command is None:
        raise BadMessageError(f"op = {quote(op)} is not allowed: it must be one of {', '.join(COMMANDS)}, credit")
    if not is_owner:
        raise NotOwnerError("only who has the token of a watch may give its model commands; you are looking on")
    if not (control or command.always):
        raise NotOwnerError("this model takes no commands: it is watched without control=True")
    given = {name: value for name, value in message.items() if name not in ("op", "id")}
    chosen = [name for name in command.one_of if name in given]
    needed = {*command.takes} - {*command.one_of}
    if not given.keys() <= command.takes.keys() or len(chosen) != min(1, len(command.one_of)):
        words = f"{', '.join(sorted(needed)) or 'nothing'}" + (
            f", and one of {', '.join(command.one_of)}" * bool(chosen or command.one_of)
        )
        raise BadMessageError(f"{quote(dict(message))} is not allowed: {op} takes {words}")
    given = {**command.usual, **given}
    for name in [*needed, *chosen]:
        if not command.takes[name].takes(given.get(name)):
            raise KnobError(name, given.get(name), command.takes[name].allowed)
    if "site" in given:
        _check_site(given["site"], sites)
    return {"op": op, **given}


def _check_site(index: int, sites: Sequence[Mapping[str, Any]]) -> None:
    if index >= len(sites):
        raise KnobError("site", index, f"the index of a site, of which the model has {len(sites)}")
    if not sites[index]["settable"]:
        raise BadMessageError(f"site = {index} is not allowed: {sites[index]['name']} cannot be set from here")
