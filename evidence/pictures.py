"""Measured against expected, as Plotly pictures: one for each experiment, a panel for each unit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Final

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from evidence.table import number
from evidence.verdict import Verdict

EXPECTED: Final = "#0072B2"  # Okabe–Ito: blue
MEASURED: Final = "#D55E00"  # and vermilion; shapes tell them apart as well
BAND: Final = "rgba(0, 114, 178, 0.18)"
LINE: Final = 48  # letters
LINE_PX: Final = 14
BETWEEN_PX: Final = 12
HEAD_PX: Final = 64
NAMES: Final = {"nats": "nats", "%": "percent", "points": "points", "×": "ratio", "steps": "steps", "": "no unit"}


def picture(verdicts: Sequence[Verdict]) -> go.Figure:
    """Every figure of an experiment: expected ± sd, the range that would be inside, each seed, and our mean ± sd."""
    figures = [verdict for verdict in verdicts if not verdict.row.is_claim and verdict.values]
    units = list(dict.fromkeys(verdict.row.unit for verdict in figures))
    groups = [[verdict for verdict in figures if verdict.row.unit == unit] for unit in units]
    row_px = max(_lines(verdict) for verdict in figures) * LINE_PX + BETWEEN_PX
    sizes = [len(group) * row_px for group in groups]
    total = sum(sizes) + HEAD_PX * (len(units) + 1)
    gap = HEAD_PX / (total - 2 * HEAD_PX) if len(units) > 1 else 0.0
    figure = make_subplots(rows=len(units), cols=1, row_heights=sizes, vertical_spacing=gap)
    for place, group in enumerate(groups, 1):
        _panel(figure, place, group)
    figure.update_layout(
        height=total,
        margin={"l": 10, "r": 20, "t": HEAD_PX, "b": HEAD_PX},
        legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13},
        hovermode="closest",
    )
    return figure


def _panel(figure: go.Figure, place: int, group: Sequence[Verdict]) -> None:
    """One unit's rows, the first on top."""
    expected = [(verdict.row.expected, verdict.row.sd) for verdict in group]
    measured = [(verdict.mean, verdict.sd) for verdict in group]
    for trace in (
        _band([verdict for verdict in group if not math.isinf(verdict.low)]),
        _seeds(group),
        _means("expected ± sd", group, expected, {"symbol": "diamond-open", "color": EXPECTED}),
        _means("measured ± sd", group, measured, {"symbol": "circle", "color": MEASURED}),
    ):
        # Each name stands in the legend once.
        figure.add_trace(trace.update(legendgroup=trace.name, showlegend=place == 1), row=place, col=1)
    labels = [_label(verdict) for verdict in group]
    figure.update_yaxes(
        categoryorder="array", categoryarray=labels[::-1], automargin=True, showgrid=False, row=place, col=1
    )
    unit = group[0].row.unit
    figure.update_xaxes(
        title={"text": NAMES.get(unit, unit), "font": {"size": 13}},
        gridcolor="rgba(128,128,128,0.25)",
        zerolinecolor="rgba(128,128,128,0.6)",
        row=place,
        col=1,
    )


def _band(bounded: Sequence[Verdict]) -> go.Bar:
    """From where to where a mean would be inside."""
    return go.Bar(
        base=[verdict.low for verdict in bounded],
        x=[verdict.high - verdict.low for verdict in bounded],
        y=[_label(verdict) for verdict in bounded],
        orientation="h",
        width=0.7,
        marker={"color": BAND, "line": {"width": 0}},
        name="would be inside",
        hoverinfo="skip",
    )


def _seeds(group: Sequence[Verdict]) -> go.Scatter:
    """What each seed gave."""
    return go.Scatter(
        x=[value for verdict in group for value in verdict.values],
        y=[_label(verdict) for verdict in group for _ in verdict.values],
        mode="markers",
        name="each seed",
        marker={"symbol": "line-ns", "size": 9, "line": {"width": 1.5, "color": MEASURED}},
        hovertemplate="%{y}: %{x:.4g}<extra>one seed</extra>",
    )


def _means(
    name: str, group: Sequence[Verdict], pairs: Sequence[tuple[float | None, float | None]], marker: Mapping[str, str]
) -> go.Scatter:
    """Means with their standard deviations."""
    return go.Scatter(
        x=[mean for mean, _ in pairs],
        y=[_label(verdict) for verdict in group],
        error_x={"array": [0 if sd is None or math.isnan(sd) else sd for _, sd in pairs], "thickness": 1.5},
        mode="markers",
        name=name,
        marker={"size": 10, "line": {"width": 2}, **marker},
        text=[number(mean, verdict.row.unit) for verdict, (mean, _) in zip(group, pairs, strict=True)],
        hovertemplate="%{y}: %{text}<extra>" + name + "</extra>",
    )


def _label(verdict: Verdict) -> str:
    """A label, broken into lines so that it leaves room for the picture."""
    return "<br>".join(wrap(verdict.row.label, LINE))


def _lines(verdict: Verdict) -> int:
    return _label(verdict).count("<br>") + 1
