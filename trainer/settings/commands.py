"""What a viewer may say to a run: one table of commands, for both sides of the stream, the schema and the documents.

The app checks a message by it before a worker is bothered, the worker reads by it what the app passes on, the page
takes its limits from the schema, and docs/protocol.md is written from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from trainer.errors import quote
from trainer.settings.arguments import (
    Argument,
    Choice,
    Choices,
    CommandError,
    Moved,
    Number,
    Place,
    Rows,
    Sequential,
    Text,
    Whole,
)
from trainer.settings.config import ExperimentConfig
from trainer.settings.panels import VIEWS

MAX_COUNT: Final = 1000  # steps of one command
MIN_SPEED: Final = 0.2  # steps a second
MAX_SPEED: Final = 10_000
MAX_MEMBERS: Final = 256  # sub-networks that vote
ENSEMBLE_MASKS: Final = ("per_member", "per_example")
MOST_EXAMPLES: Final = 16  # of one question
MOST_ASKED: Final = 1_000_000.0  # of a number of an example, either way

CREDITS_PER_SECOND: Final = 1000.0  # frames come at most at some 60 a second
ASKS_PER_SECOND: Final = 20.0  # of all viewers together, beside the owner's
MAX_ASKS: Final = 4  # questions of one run that wait for their answer, whoever asked,
OWNER_ASKS: Final = 1  # and one more that only its owner may ask, so that viewers cannot keep it from asking

Message = Mapping[str, Any]


@dataclass(frozen=True)
class Command:
    """One thing that a viewer may say.

    Attributes:
        name: its ``op``.
        arguments: what it takes.
        does: what comes of it, in a few words for the protocol; nothing where its name says it.
        by: who may say it.
        choose: whether at least ``"some"`` of the arguments, none of which is needed, must be there, or exactly
            ``"one"``.
        count: what it is counted as, where the number of messages a second is limited.
        answered: whether it has an ``id`` and is answered.
        trained: whether it is the worker's to obey.
        example: arguments as one may write them.
    """

    name: str
    arguments: tuple[Argument, ...] = ()
    does: str = ""
    by: Literal["owner", "viewer"] = "owner"
    choose: Literal["", "some", "one"] = ""
    count: Literal["message", "credit"] = "message"
    answered: bool = True
    trained: bool = True
    example: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Of its arguments."""
        return tuple(argument.name for argument in self.arguments)

    def read(self, message: Message, config: ExperimentConfig | None = None) -> dict[str, Any]:
        """Return what a message says of this command: its ``op`` and its arguments, as they were given.

        Args:
            message: what was said.
            config: the run that it is said to; it may be left out where no argument depends on the run.

        Raises:
            CommandError: an argument is missing, there is one that it does not have, or one that has another form.
            KnobError: a value that an argument does not take.
        """
        for name in message:
            if name not in ("op", "id", *self.names):
                takes = f"it takes {', '.join(self.names)}" if self.names else "it takes nothing"
                raise CommandError(f"{self.name} has no {quote(name)}; {takes}")
        given = [argument for argument in self.arguments if argument.name in message]
        for argument in self.arguments:
            if argument.needed and argument not in given:
                raise CommandError(f"{self.name} needs {argument.name}: it must be {argument.all_allowed(config)}")
        if self.choose and not given:
            either = f"{', '.join(self.names)} or both" if self.choose == "some" else " or ".join(self.names)
            raise CommandError(f"{self.name} needs {either}")
        if self.choose == "one" and len(given) > 1:
            raise CommandError(f"{self.name} takes {' or '.join(self.names)}, and not both")
        for argument in given:
            argument.check(message[argument.name], config)
        return {"op": self.name} | {argument.name: message[argument.name] for argument in given}

    def described(self) -> dict[str, Any]:
        """The command as plain data, for the schema."""
        return {
            "name": self.name,
            "by": self.by,
            "choose": self.choose or None,
            "arguments": [argument.described() for argument in self.arguments],
        }


JOIN: Final = Command(
    "join",
    (Text("token", null="one who only watches", what="the text that opening the run gave"),),
    "the first of a WebSocket (above); never again",
    by="viewer",
    answered=False,
    trained=False,
    example='"token": "…"',
)
CREDIT: Final = Command(
    "credit",
    (
        Sequential("seq", what="the number of a frame"),
        Sequential("frames", what="how many frames came over this connection"),
    ),
    'frames up to 812 are digested; with `"frames": 31` in place of `seq`, the first 31 of this connection, for one '
    "whose number cannot be read; not answered",
    by="viewer",
    choose="one",
    count="credit",
    answered=False,
    trained=False,
    example='"seq": 812',
)
VIEWS_OPEN: Final = Command(
    "views",
    (Choices("open", needed=True, values=VIEWS),),
    "which views this viewer has open, of those below; frames of others are not sent to it, nor made if nobody has "
    "them open",
    by="viewer",
    trained=False,
    example='"open": ["activity", "damage"]',
)
ASK: Final = Command(
    "ask",
    (
        Rows("x", needed=True, most=MOST_EXAMPLES, limit=MOST_ASKED),
        Place("lane", null="the followed one"),
    ),
    f"lets 64 sub-networks of a lane (the followed one if left out) vote on 1 to {MOST_EXAMPLES} examples of the "
    "viewer’s own, each as many numbers as the data have features, each from "
    f"−{MOST_ASKED:,.0f} to {MOST_ASKED:,.0f}; the masks are the same for all of them. The answer is an `ack` with "
    '`"answer"` (below)',
    by="viewer",
    example='"x": [[0, 0.5, …]…], "lane": 1',
)
FOLLOW: Final = Command(
    "follow",
    (Place("lane"), Place("example", of="examples")),
    "either may be left out: it stays as it is",
    choose="some",
    example='"lane": 1, "example": 17',
)
TABLE: Final = (
    JOIN,
    Command("play"),
    Command("pause", (), "makes one last step, so that every picture is of the same one, and stands still"),
    Command(
        "step",
        (Whole("count", least=1, most=MAX_COUNT),),
        f"trains 1 to {MAX_COUNT:,} steps (one if left out) as fast as it goes, then pauses (`changed`, reason "
        "`pause`)",
        example='"count": 1',
    ),
    Command(
        "speed",
        (Number("steps_per_second", True, "as fast as it goes", MIN_SPEED, MAX_SPEED),),
        f"{MIN_SPEED:g} to {MAX_SPEED:,}; `null`: as fast as it goes",
        example='"steps_per_second": 10',
    ),
    Command(
        "set",
        (Place("lane", null="the run"), Moved("knobs", needed=True)),
        "live knobs of a lane; without `lane`, of the run; all of them or, when one is refused, none",
        example='"lane": 1, "knobs": {"dropout": [0.2, 0.5, 0.5, 0.5], "batch_norm": true}',
    ),
    FOLLOW,
    Command(
        "ensemble",
        (Whole("members", least=1, most=MAX_MEMBERS), Choice("masks", values=ENSEMBLE_MASKS)),
        f"how many sub-networks vote in `ensemble` (1 to {MAX_MEMBERS}), and whether each has one mask for all "
        "validation examples (`per_member`) or a fresh one for each (`per_example`); either may be left out",
        choose="some",
        example='"members": 256, "masks": "per_example"',
    ),
    ASK,
    Command(
        "reset",
        (),
        "back to step 0: same seed, same initial weights, the knobs as they are now; `changes` becomes empty; goes on "
        "playing if it was",
    ),
    VIEWS_OPEN,
    CREDIT,
)
"""Everything that a viewer may say, in the order of the protocol."""

COMMANDS: Final = {command.name: command for command in TABLE}
TO_WORKERS: Final = tuple(command.name for command in TABLE if command.trained)


def read_command(message: Message, config: ExperimentConfig) -> dict[str, Any]:
    """Return the command for a worker that is in a message, without its id. What a knob takes is not looked at: that is
    `check_command`'s.

    Raises:
        CommandError: there is no such command, or not with such arguments.
        KnobError: a value that an argument does not take.
    """
    op = message.get("op")
    if not isinstance(op, str) or op not in TO_WORKERS:
        raise CommandError(f"op = {quote(op)} is not allowed: it must be one of {', '.join(TO_WORKERS)}, views, credit")
    return COMMANDS[op].read(message, config)


def check_command(message: Message, config: ExperimentConfig) -> dict[str, Any]:
    """The same with all that it says checked, the values of knobs too: what a worker gets is what the table allows.

    Raises:
        CommandError: as of `read_command`.
        KnobError, UnknownKnobError: a value that is not allowed, or a knob that does not exist.
    """
    command = read_command(message, config)
    if command["op"] == "set":
        config.with_knobs(command["knobs"], command.get("lane"))
    return command


def described() -> list[dict[str, Any]]:
    """The table as plain data, for the schema."""
    return [command.described() for command in TABLE]


def rows_of(commands: Sequence[Command]) -> str:
    """The table of the protocol's document, written from this one."""
    rows = []
    for command in commands:
        arguments = f", {command.example}" if command.example else ""
        who = {"owner": "its owner", "viewer": "anyone"}[command.by]
        rows.append(f'| `{{"op": "{command.name}"{arguments}}}` | {who} | {command.does} |')
    return "\n".join(["| message | from | does |", "|---|---|---|", *rows])
