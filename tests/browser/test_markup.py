"""Whatever people name, a chart shows as it is: no mark-up, no links, nothing filled in."""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.sync_api import Page

from tests.browser.static import PLOTLY

HOSTILE: Final = '<a href="https://evil.example">x</a> <b>y</b> %{x} %{meta} & &lt;'
DRAW: Final = """async ([name, source]) => {
  await import(source);
  const { forPlotly } = await import("/static/js/base/markup.js");
  const place = document.body.appendChild(document.createElement("div"));
  place.id = "place";
  const hovertemplate = "%{meta}|%{customdata}|%{text}<extra></extra>";
  const data = [
    { type: "scatter", mode: "markers+text", name, meta: name, customdata: [name], text: [name], x: [1], y: [1],
      hovertemplate },
    { type: "bar", name, x: [name], y: [1], xaxis: "x2", yaxis: "y2" },
  ];
  const layout = {
    width: 1600, height: 900, showlegend: true, title: { text: name }, margin: { l: 500 },
    xaxis: { title: { text: name }, domain: [0, 0.4] },
    yaxis: { title: { text: name }, tickvals: [1], ticktext: [name] },
    xaxis2: { domain: [0.6, 1], anchor: "y2", categoryarray: [name] },
    yaxis2: { anchor: "x2" },
    annotations: [{ x: 1, y: 1, text: `${name}\\nsecond` }],
  };
  const figure = forPlotly({ data, layout });
  await window.Plotly.newPlot(place, figure.data, figure.layout);
  window.Plotly.Fx.hover(place, [{ curveNumber: 0, pointNumber: 0 }]);
  const found = (selector) => [...place.querySelectorAll(selector)].map((each) => each.textContent);
  return {
    legend: found(".legendtext"), title: found(".gtitle"), across: found(".xtitle"), up: found(".ytitle"),
    ticks: found(".ytick text"), categories: found(".x2tick text"), texts: found(".textpoint text, .text text"),
    notes: found(".annotation-text"), hover: found(".hovertext"),
    links: place.querySelectorAll("svg a").length,
    bold: [...place.querySelectorAll("tspan")].filter((each) => each.style.fontWeight === "bold").length,
    kept: [data[0].name, layout.title.text],
  };
}"""


@pytest.fixture
def drawn(module_page: Page) -> dict[str, Any]:
    """The texts of a chart in which everything has a hostile name."""
    found: dict[str, Any] = module_page.evaluate(DRAW, [HOSTILE, PLOTLY])
    return found


def test_a_name_is_shown_as_it_is_wherever_plotly_writes_it(drawn: dict[str, Any]) -> None:
    assert drawn["legend"] == [HOSTILE, HOSTILE]
    for place in ("title", "across", "up", "ticks", "categories"):
        assert drawn[place] == [HOSTILE], place
    assert HOSTILE in drawn["texts"]
    assert drawn["notes"] == [f"{HOSTILE}second"]  # in two lines
    assert (drawn["links"], drawn["bold"]) == (0, 0)


def test_a_name_fills_no_template_and_is_filled_in_as_it_is(drawn: dict[str, Any]) -> None:
    assert drawn["hover"] == ["|".join([HOSTILE] * 3)]


def test_the_figure_that_was_given_stays_plain(drawn: dict[str, Any]) -> None:
    assert drawn["kept"] == [HOSTILE, HOSTILE]
