"""The lab beside plain PyTorch, as Plotly pictures: a panel for each unit, a dot for each seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from textwrap import wrap
from typing import Final

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from evidence.pairs import Paired, Values
from evidence.table import mean_of, number

PLAIN: Final = "#0072B2"  # Okabe–Ito: blue
LAB: Final = "#D55E00"  # and vermilion; shapes and places tell them apart as well
LINE: Final = 48  # letters
LINE_PX: Final = 16
BETWEEN_PX: Final = 16
HEAD_PX: Final = 64
OFFSET: Final = 0.16  # of a row, by which the two sides stand apart
NAMES: Final = {"nats": "nats", "%": "percent", "points": "points", "×": "ratio", "steps": "steps", "": "no unit"}


def picture(rows: Sequence[Paired]) -> go.Figure:
    """Every figure of an experiment: each seed of both sides, and their means."""
    figures = [row for row in rows if not row.row.is_claim and row.lab]
    units = list(dict.fromkeys(row.row.unit for row in figures))
    groups = [[row for row in figures if row.row.unit == unit] for unit in units]
    row_px = max(_lines(row) for row in figures) * LINE_PX + BETWEEN_PX
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


def _panel(figure: go.Figure, place: int, group: Sequence[Paired]) -> None:
    """One unit's rows, the first on top."""
    for name, colour, symbol, side, columns in (
        ("plain PyTorch", PLAIN, "diamond-open", -OFFSET, [row.plain for row in group]),
        ("lab", LAB, "circle", OFFSET, [row.lab for row in group]),
    ):
        for trace in (
            _seeds(f"{name}, each seed", colour, side, columns),
            _means(f"{name}, mean", {"symbol": symbol, "color": colour}, side, columns, group),
        ):
            # Each name stands in the legend once.
            figure.add_trace(trace.update(legendgroup=trace.name, showlegend=place == 1), row=place, col=1)
    figure.update_yaxes(
        tickvals=list(range(len(group))),
        ticktext=[_label(row) for row in group],
        range=[len(group) - 0.5, -0.5],
        automargin=True,
        showgrid=False,
        zeroline=False,
        row=place,
        col=1,
    )
    unit = group[0].row.unit
    figure.update_xaxes(
        title={"text": NAMES.get(unit, unit), "font": {"size": 13}},
        gridcolor="rgba(128,128,128,0.25)",
        zerolinecolor="rgba(128,128,128,0.6)",
        row=place,
        col=1,
    )


def _seeds(name: str, colour: str, side: float, columns: Sequence[Values]) -> go.Scatter:
    """What each seed gave."""
    points = [(value, at + side, seed) for at, own in enumerate(columns) for seed, value in own.items()]
    points = [point for point in points if not math.isnan(point[0])]
    return go.Scatter(
        x=[value for value, _, _ in points],
        y=[at for _, at, _ in points],
        text=[f"seed {seed}" for _, _, seed in points],
        mode="markers",
        name=name,
        marker={"symbol": "circle", "size": 5, "color": colour, "opacity": 0.45},
        hovertemplate="%{text}: %{x:.4g}<extra></extra>",
    )


def _means(
    name: str, marker: dict[str, str], side: float, columns: Sequence[Values], group: Sequence[Paired]
) -> go.Scatter:
    """The mean over seeds."""
    means = [mean_of(own) for own in columns]
    return go.Scatter(
        x=[None if math.isnan(mean) else mean for mean in means],
        y=[at + side for at in range(len(means))],
        text=[number(mean, row.row.unit) for mean, row in zip(means, group, strict=True)],
        mode="markers",
        name=name,
        marker={"size": 10, "line": {"width": 2}, **marker},
        hovertemplate="%{text}<extra>" + name + "</extra>",
    )


def _label(row: Paired) -> str:
    """A label, broken into lines so that it leaves room for the picture."""
    return "<br>".join(wrap(row.row.label, LINE))


def _lines(row: Paired) -> int:
    return _label(row).count("<br>") + 1
