"""Numbers for whoever watches over the lab, as Prometheus reads them: counted where things happen, or read when asked.

What happens often is counted with one addition; all that can be read off the lab is read when somebody asks.
"""

from __future__ import annotations

import ipaddress
import time
from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import STATUS, ForbiddenError

if TYPE_CHECKING:
    from app.lab import Lab

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
AGES_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Where the histogram of frames is divided: from what a viewer that keeps up sees to what nobody would wait for."""

METHODS: Final = ("GET", "HEAD", "POST", "DELETE", "OPTIONS")
STATES: Final = ("opening", "playing", "paused", "lost")
PASSED_ON: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
"""Headers by which a proxy says that it asks for somebody else."""


class Metrics:
    """What is counted of one lab, in a registry of its own: several labs in one process do not disturb each other."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.refused: Tally[str] = Tally()  # commands, by the code of the error
        self._steps = Counter(
            "dropout_lab_steps_trained",
            "Steps that workers have trained, of all runs; those that were repeated after a loss count again.",
            registry=self.registry,
        )
        self._frames = Counter(
            "dropout_lab_frames_sent", "Frames that were sent to viewers.", ["kind"], registry=self.registry
        )
        self._ages = Histogram(
            "dropout_lab_frame_age_seconds",
            "How long a frame has been here when it is sent to a viewer; of joined frames, the oldest.",
            buckets=AGES_S,
            registry=self.registry,
        )
        self._skipped = Counter(
            "dropout_lab_masks_skipped",
            "Steps whose masks a slow viewer was not sent, so that it could keep up.",
            registry=self.registry,
        )
        self._dropped = Counter(
            "dropout_lab_watch_frames_dropped",
            "Frames that watched models sent beyond what they may, and that nobody was shown.",
            registry=self.registry,
        )
        self._requests = Counter(
            "dropout_lab_requests",
            "Requests that were answered, by the route that answered them.",
            ["method", "route", "status"],
            registry=self.registry,
        )

    def watch(self, lab: Lab) -> None:
        """Read off a lab, too, whenever somebody asks."""
        self.registry.register(_OfLab(lab, self.refused))

    def trained(self, steps: int) -> None:
        """So many steps came from a worker."""
        self._steps.inc(steps)

    def left(self, kind: str, age_s: float, skipped: int) -> None:
        """A frame was sent to a viewer.

        Args:
            kind: of the frame.
            age_s: seconds that it waited here.
            skipped: steps whose masks it leaves out.
        """
        self._frames.labels(kind).inc()
        self._ages.observe(age_s)
        if skipped:
            self._skipped.inc(skipped)

    def drop(self) -> None:
        """A frame of a watched model was passed over."""
        self._dropped.inc()

    def refuse(self, code: str) -> None:
        """A command of a viewer was refused; a code that the protocol does not have counts as ``internal``."""
        self.refused[code if code in STATUS else "internal"] += 1

    def answered(self, method: str, route: str, status: int) -> None:
        """A request was answered."""
        self._requests.labels(method if method in METHODS else "other", route, str(status)).inc()

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self.registry)


class _OfLab:
    """Reads a lab when it is asked: it costs nothing until then."""

    def __init__(self, lab: Lab, refused: Tally[str]) -> None:
        self._lab = lab
        self._refused = refused

    def describe(self) -> Iterable[Metric]:
        """Nothing: what it has is known when it is read."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Everything that can be read off."""
        lab, runs = self._lab, self._lab.runs.all()
        states = Tally(run.standing for run in runs)
        by_state = GaugeMetricFamily("dropout_lab_runs", "Runs in memory, by what they do.", labels=["state"])
        for state in STATES:
            by_state.add_metric([state], states[state])
        yield by_state
        yield GaugeMetricFamily("dropout_lab_viewers", "Viewers that are connected.", value=lab.runs.viewers)
        rooms = lab.rooms.all()
        people = sum(len(at.readers) for at in rooms)
        yield GaugeMetricFamily("dropout_lab_rooms", "Class rooms that are open.", value=len(rooms))
        yield GaugeMetricFamily("dropout_lab_room_readers", "Connections to class rooms.", value=people)
        watches = lab.watches.all()
        fed, looking = sum(each.feed is not None for each in watches), sum(len(each.viewers) for each in watches)
        yield GaugeMetricFamily("dropout_lab_watches", "Watches of models of other programs.", value=len(watches))
        yield GaugeMetricFamily("dropout_lab_watch_feeds", "Watched models that are connected.", value=fed)
        yield GaugeMetricFamily("dropout_lab_watch_viewers", "Viewers of watched models.", value=looking)
        yield GaugeMetricFamily(
            "dropout_lab_watch_bytes", "Bytes of memory that watches take, about.", value=lab.watches.size
        )
        pool = lab.pool.status()
        yield GaugeMetricFamily("dropout_lab_workers_wanted", "Workers that there are to be.", value=pool.wanted)
        yield GaugeMetricFamily("dropout_lab_workers_alive", "Workers that are there.", value=pool.alive)
        yield CounterMetricFamily(
            "dropout_lab_worker_restarts", "Workers that were started again.", value=pool.restarts
        )
        now = time.monotonic()
        playing = [run for run in runs if run.playing]
        ages = [now - run.checkpoint.came for run in playing if run.checkpoint is not None]
        yield GaugeMetricFamily(
            "dropout_lab_checkpoint_age_seconds",
            "Of the runs that play, how old the newest checkpoint is of the one whose is oldest; 0 without any.",
            value=max(ages, default=0.0),
        )
        yield GaugeMetricFamily(
            "dropout_lab_runs_without_checkpoint",
            "Runs that play and have no checkpoint.",
            value=len(playing) - len(ages),
        )
        yield GaugeMetricFamily(
            "dropout_lab_checkpoint_bytes",
            "Bytes of the newest checkpoints of all runs in memory.",
            value=sum(len(run.checkpoint.frame) for run in runs if run.checkpoint is not None),
        )
        yield CounterMetricFamily(
            "dropout_lab_store_errors", "Times that the store could not do what it should.", value=lab.keeper.errors
        )
        refused = CounterMetricFamily(
            "dropout_lab_commands_refused", "Commands of viewers that were refused, by the code.", labels=["code"]
        )
        for code, count in sorted(self._refused.items()):
            refused.add_metric([code], count)
        yield refused


class Counting:
    """Middleware: counts answers by route and status.

    Args:
        app: the application.
        metrics: where it counts.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.answered(scope["method"], route_of(scope), message["status"])
            await send(message)

        await self._app(scope, receive, send_counted)


def route_of(scope: Scope) -> str:
    """Return the route that took a request, as it is declared: addresses themselves are without number.

    ``static`` are files of the page, ``none`` is an address at which there is nothing, or that was not looked at.
    """
    route = getattr(scope.get("route"), "path", None)
    if isinstance(route, str):
        return route
    return "static" if scope.get("endpoint") is not None else "none"


def check_reader(scope: Scope, allowed: str) -> None:
    """Let a request for the numbers pass that comes from where they may be read.

    What a proxy passed on is refused, whether the proxy is trusted or not: it may stand on loopback and ask for
    anybody. Whoever collects the numbers asks the lab itself.

    Args:
        scope: of the request.
        allowed: addresses and networks, separated by spaces; ``*`` is everybody, ``off`` nobody.

    Raises:
        ForbiddenError: it comes from elsewhere.
    """
    if allowed == "*":
        return
    host = scope["client"][0] if scope.get("client") else ""
    headers = Headers(scope=scope)
    if any(name in headers for name in PASSED_ON):
        raise ForbiddenError(f"/metrics is not for what a proxy passes on; {_ADVICE}")
    if not _is_in(host, allowed):
        raise ForbiddenError(f"/metrics is not for {host or 'whoever has no address'}; {_ADVICE}")


_ADVICE: Final = "whoever runs the lab says in DROPOUT_LAB_METRICS who may read it"


def _is_in(host: str, allowed: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(each, strict=False) for each in allowed.split() if each != "off")
