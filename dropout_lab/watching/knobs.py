"""The rates of a watched model, moved from the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dropout_lab.watching.sites import Sites

MOST_CHANGES: Final = 1000  # of which the newest are known


class Knobs:
    """The rates of a model's sites.

    Args:
        sites: the sites.

    Attributes:
        changes: what was changed, each as docs/watching.md says.
    """

    def __init__(self, sites: Sites) -> None:
        self.changes: list[dict[str, Any]] = []
        self._sites = sites

    def set(self, command: Mapping[str, Any], step: int) -> None:
        """Move the rate of a site, or switch it off or on.

        Args:
            command: ``site`` with ``rate`` (0 to 1), or with ``off`` (true or false).
            step: the first with the change.

        Raises:
            ValueError: a value is not allowed, or the site has no rate that can be moved.
        """
        index = command.get("site")
        if type(index) is not int or not 0 <= index < len(self._sites.all):
            raise ValueError(f"site = {index!r} is not allowed: it must be 0 to {len(self._sites.all) - 1}")
        site = self._sites.all[index]
        if site.knob is None or site.module is None:
            raise ValueError(f"the rate of {site.name} stands in the code, at {site.where or site.kind}")
        before = site.read_rate()
        change: dict[str, Any]
        if "off" in command:
            off = command["off"]
            if type(off) is not bool:
                raise ValueError(f"off = {off!r} is not allowed: it must be true or false")
            if off == (site.off_from is not None):
                return
            rate, site.off_from = (0.0, before) if off else (site.off_from or 0.0, None)
            change = {"knob": "off", "from": not off, "to": off, "rate": before if off else rate}
        else:
            given: Any = command.get("rate")
            if type(given) not in (int, float) or not 0 <= given <= 1:
                raise ValueError(f"rate = {given!r} is not allowed: it must be a number from 0 to 1")
            rate, site.off_from = float(given), None
            change = {"knob": "rate", "from": before, "to": rate}
        setattr(site.module, site.knob, rate)
        for other in self._sites.all:  # a module that is used twice has one rate
            if other.module is site.module:
                other.off_from = site.off_from
        told = {"step": step, "site": index, "path": site.path[:200], "name": site.name[:200], **change}
        self.changes.append(told)
        del self.changes[:-MOST_CHANGES]

    def code(self) -> str:
        """Return the changes as Python."""
        lines = []
        for change in self.changes:
            site = self._sites.all[change["site"]]
            value = change["to"]
            if change["knob"] == "off":
                value = 0.0 if change["to"] else change["rate"]
            lines.append(f"# from step {change['step']} on")
            lines.append(f"model.get_submodule({site.path!r}).{site.knob} = {value:g}")
        return "\n".join(lines)
