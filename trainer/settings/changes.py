"""The changes made to a run, each at its step: with the first configuration they are the run."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from trainer.errors import KnobError, TooManyChangesError
from trainer.settings.config import ExperimentConfig
from trainer.wire.jsontext import Written, dumps

MAX_CHANGES: Final = 100_000  # of a run: ten a second for almost three hours
MAX_CHANGES_BYTES: Final = 12_000_000  # of all of them as JSON: 120 each; a page's have some 70. It fits one message.

Change = dict[str, Any]
"""``{"step": 301, "lane": 1, "knobs": {"l2": 0.001}}``: in force from that step on; without ``lane``, of the run."""


class Entry:
    """A change as it is kept: its knobs as JSON, which is a quarter of what objects would take.

    Attributes:
        step: from which it is in force.
        lane: whose knobs it moves; None: the run's.
        knobs: their names and values, as JSON.
        born: how many changes had been told to the log before it.
        told: how many had been told when it was last altered.
    """

    __slots__ = ("born", "knobs", "lane", "step", "told")

    def __init__(self, step: int, lane: int | None, knobs: str, born: int) -> None:
        self.step, self.lane, self.knobs = step, lane, knobs
        self.born = self.told = born

    @property
    def text(self) -> str:
        """All of it as JSON."""
        lane = "" if self.lane is None else f'"lane":{self.lane},'
        return f'{{"step":{self.step},{lane}"knobs":{self.knobs}}}'

    @property
    def change(self) -> Change:
        """All of it as plain data, the reader's own."""
        lane = {} if self.lane is None else {"lane": self.lane}
        return {"step": self.step, **lane, "knobs": loads(self.knobs)}


class ChangeLog:
    """Changes in the order of their steps, found by their step, and told as what is new, however many there are.

    Args:
        changes: what it begins with; two of one lane at one step become one. What they say is not checked here
            (`read_changes` does).

    Raises:
        TooManyChangesError: they are too many.

    Attributes:
        revision: how many changes it was ever told; it never falls.
        size: bytes of all changes as JSON.
    """

    def __init__(self, changes: Iterable[Mapping[str, Any]] = ()) -> None:
        self.revision = 0
        self.clear()
        self.extend(changes)

    def clear(self) -> None:
        """Forget all changes: the run begins anew."""
        self.size = 0
        self._entries: list[Entry] = []  # in the order of their steps
        self._by_knob: dict[tuple[int | None, str], list[Entry]] = {}  # likewise, those of each lane and knob
        self._news: list[Entry] = []  # as they came, or were altered: one that was altered stands here more than once
        self._revisions: list[int] = []  # of each of these
        self._text = (self.revision, Written("[]"))

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def changes(self) -> list[Change]:
        """All of them, in order; a copy."""
        return [entry.change for entry in self._entries]

    @property
    def text(self) -> Written:
        """All of them as JSON, written once for as long as nothing is new."""
        if self._text[0] != self.revision:
            self._text = (self.revision, _joined(self._entries))
        return self._text[1]

    def parts(self, most: int) -> Iterator[Written]:
        """All of them as JSON in parts of some ``most`` bytes, each made when it is asked for: those that were added
        meanwhile before what is told already are in none.
        """
        if self.size <= most:
            yield self.text
            return
        place: tuple[int, int] | None = (0, 0)
        while place is not None:
            text, place = self._part(place, most)
            yield text

    def _part(self, place: tuple[int, int], most: int) -> tuple[Written, tuple[int, int] | None]:
        """The next part behind a place, and the place of its last change; None: it is the last part."""
        first = end = bisect_right(self._entries, place, key=_place)
        size = 0
        while end < len(self._entries) and size < most:
            size += len(self._entries[end].text)
            end += 1
        behind = _place(self._entries[end - 1]) if end < len(self._entries) else None
        return _joined(self._entries[first:end]), behind

    def insert(self, step: int, lane: int | None, knobs: Mapping[str, Any]) -> None:
        """Add a change; another one of the same lane at the same step becomes a part of the one that is there.

        Raises:
            TooManyChangesError: there is no room for it. Nothing has changed.
        """
        entry = self._of(step, lane)
        text = dumps(dict(knobs) if entry is None else loads(entry.knobs) | dict(knobs))
        made = Entry(step, lane, text, self.revision + 1)
        added = len(made.text) if entry is None else len(text) - len(entry.knobs)
        self._check_room(entry is None, added)
        self.revision += 1
        if entry is None:
            entry = made
            _put(self._entries, entry)
        else:
            entry.knobs, entry.told = text, self.revision
        self.size += added
        for name in knobs:
            those = self._by_knob.setdefault((lane, name), [])
            if self._in(those, entry) is None:
                _put(those, entry)
        self._news.append(entry)
        self._revisions.append(self.revision)
        if len(self._news) > 2 * len(self._entries) + 64:  # so many are older news of the same changes
            self._forget_old_news()

    def extend(self, changes: Iterable[Mapping[str, Any]]) -> None:
        """Add changes, as `insert` does.

        Raises:
            TooManyChangesError: there is no room for one of them; those before it are there.
        """
        for change in changes:
            self.insert(change["step"], change.get("lane"), change["knobs"])

    def check_room(self, step: int, lane: int | None, knobs: Mapping[str, Any]) -> None:
        """Raise `TooManyChangesError` if there is no room for a change."""
        entry = self._of(step, lane)
        self._check_room(entry is None, len(Entry(step, lane, dumps(dict(knobs)), 0).text))

    def _check_room(self, is_new: bool, added: int) -> None:
        if (is_new and len(self) >= MAX_CHANGES) or (added > 0 and self.size + added > MAX_CHANGES_BYTES):
            raise TooManyChangesError(
                f"this run has {len(self):,} changes already, {self.size:,} bytes: {MAX_CHANGES:,} and "
                f"{MAX_CHANGES_BYTES:,} bytes are kept, because each is needed to make the run again. It goes on as it "
                "is; a reset or a new run begins with none"
            )

    def at(self, step: int) -> Sequence[Change]:
        """The changes of one step, in the order in which they were made."""
        return [entry.change for entry in self._at(step)]

    def next_after(self, step: int) -> int | None:
        """The first step behind this one that has changes; None if there is no such step."""
        index = bisect_right(self._entries, step, key=_step)
        return self._entries[index].step if index < len(self._entries) else None

    def last(self, step: int, concerns: Callable[[int | None, str], bool]) -> Change | None:
        """The last change up to a step that concerns somebody.

        Args:
            step: the last step that counts.
            concerns: whether a lane's change of a knob (or, of None, the run's) does.
        """
        found = [
            those[index - 1]
            for (lane, name), those in self._by_knob.items()
            if concerns(lane, name) and (index := bisect_right(those, step, key=_step))
        ]
        return max(found, key=_place).change if found else None

    def until(self, step: int) -> list[Change]:
        """The changes of all steps up to this one, in order; a copy."""
        return [entry.change for entry in self._entries[: bisect_right(self._entries, step, key=_step)]]

    def config_at(self, step: int, config: ExperimentConfig) -> ExperimentConfig:
        """The configuration that was in force at a step.

        Only the changes that no later one has replaced are made: of a long log they are few.

        Args:
            step: counted from 1.
            config: at step 0.

        Raises:
            KnobError: a change that cannot be made.
        """
        lasting = {
            id(those[index - 1]): those[index - 1]
            for those in self._by_knob.values()
            if (index := bisect_right(those, step, key=_step))
        }
        for change in [entry.change for entry in sorted(lasting.values(), key=_place)]:
            config = config.with_knobs(change["knobs"], change.get("lane"))
        return config

    def began(self, step: int, config: ExperimentConfig) -> list[int]:
        """For each lane the step after which the network that makes ``step`` began: 0, or where it began anew.

        Args:
            step: counted from 1.
            config: at step 0.
        """
        found = []
        for lane, own in enumerate(config.lanes):
            entries = self._by_knob.get((lane, "restarts"), [])
            times, start = own.restarts, 0
            for entry in entries[: bisect_right(entries, step, key=_step)]:
                now = loads(entry.knobs)["restarts"]
                if now != times:
                    times, start = now, entry.step - 1
            found.append(start)
        return found

    def since(self, revision: int) -> list[Change]:
        """What is new since the log had a revision: changes that came, and those that were altered, as they are."""
        return [entry.change for entry in self._since(revision)]

    def text_since(self, revision: int) -> Written:
        """The same as JSON."""
        return _joined(self._since(revision))

    def _since(self, revision: int) -> list[Entry]:
        fresh = self._news[bisect_right(self._revisions, revision) :]
        return sorted({id(entry): entry for entry in fresh}.values(), key=_place)

    def _forget_old_news(self) -> None:
        pairs = zip(self._news, self._revisions, strict=True)
        kept = [(entry, revision) for entry, revision in pairs if entry.told == revision]
        self._news, self._revisions = [entry for entry, _ in kept], [revision for _, revision in kept]

    def _at(self, step: int) -> Iterator[Entry]:
        for index in range(bisect_left(self._entries, step, key=_step), len(self._entries)):
            if self._entries[index].step != step:
                return
            yield self._entries[index]

    def _of(self, step: int, lane: int | None) -> Entry | None:
        """The change of a lane at a step; a step has one for each lane at most."""
        if not self._entries or self._entries[-1].step < step:
            return None
        return next((entry for entry in self._at(step) if entry.lane == lane), None)

    @staticmethod
    def _in(those: list[Entry], entry: Entry) -> Entry | None:
        """The same change in a list of one lane's and one knob's, if it stands there."""
        index = bisect_left(those, entry.step, key=_step)
        return entry if index < len(those) and those[index] is entry else None


def loads(text: str) -> dict[str, Any]:
    """The knobs that are kept as JSON."""
    knobs: dict[str, Any] = json.loads(text)
    return knobs


def _put(entries: list[Entry], entry: Entry) -> None:
    """Add a change behind the others of its step; most come at the end."""
    if not entries or entries[-1].step <= entry.step:
        entries.append(entry)
    else:
        insort(entries, entry, key=_step)


def _joined(entries: Iterable[Entry]) -> Written:
    return Written(f"[{','.join(entry.text for entry in entries)}]")


def _step(entry: Entry) -> int:
    return entry.step


def _place(entry: Entry) -> tuple[int, int]:
    return entry.step, entry.born


def read_changes(config: ExperimentConfig, given: Sequence[Mapping[str, Any]]) -> ChangeLog:
    """Check changes to ``config`` and put them in order.

    Args:
        config: at step 0.
        given: the changes, in any order.

    Raises:
        KnobError: something that is no change, or a step, lane or value that cannot be.
        UnknownKnobError: a name that is no knob.
        TooManyChangesError: they are too many.
    """
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise KnobError("changes", given, f"a list of at most {MAX_CHANGES:,} changes")
    if len(given) > MAX_CHANGES:
        raise TooManyChangesError(f"{len(given):,} changes are too many: a run has at most {MAX_CHANGES:,}")
    for index, each in enumerate(given):
        _check_form(f"changes[{index}]", each)
    log = ChangeLog()
    for each in sorted(given, key=lambda change: change["step"]):  # those of one step stay as they are
        config = config.with_knobs(each["knobs"], each.get("lane"))
        log.insert(each["step"], each.get("lane"), each["knobs"])
    return log


def _check_form(path: str, each: Any) -> None:
    if not isinstance(each, Mapping) or not {"step", "knobs"} <= set(each) <= {"step", "lane", "knobs"}:
        raise KnobError(path, each, "an object with step, knobs and, for the knobs of a lane, lane")
    step, knobs = each["step"], each["knobs"]
    if isinstance(step, bool) or not isinstance(step, int) or step < 1:
        raise KnobError(f"{path}.step", step, "a whole number, at least 1")
    if not isinstance(knobs, Mapping):
        raise KnobError(f"{path}.knobs", knobs, "an object of knobs and their values")
