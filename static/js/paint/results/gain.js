// Two curves and, below them, what lies between.

/** @import { Chart } from "../../charts/charts.js" */
/** @import { Result } from "../../views/result.js" */

import { laneStyle } from "../../charts/curves.js";
import { commonEnd } from "../../model/outcome.js";
import { MEASURES } from "../../model/verdict.js";
import { axisOf, onAxis, topOf } from "./common.js";

/**
 * @param {Chart} chart
 * @param {Result} result
 */
export function gain({ legend, palette }, { lanes, measure, picture, pairs = { without: [], with: [] }, run }) {
  const names = picture.series.map(
    (numbers, index) => commonEnd(numbers.map((lane) => lanes[lane].name)) || `series ${index + 1}`,
  );
  legend.update(
    names.map((name, lane) => ({ key: String(lane), name, lane })),
    [{ key: "line", label: MEASURES[measure].name, mark: "line" }],
  );
  const both = [pairs.without, pairs.with].map((values) => values.map((value) => onAxis(measure, value)));
  const curves = both.map((values, lane) => {
    const { colour, symbol } = laneStyle(palette, lane);
    return {
      type: "scatter",
      mode: "lines+markers",
      x: picture.x,
      y: values,
      name: names[lane],
      line: { color: colour, width: 2.2 },
      marker: { size: 9, symbol, color: colour, line: { color: palette.panel, width: 1.5 } },
      visible: legend.shows(String(lane), "line"),
      hovertemplate: "%{y:.1f}%",
      cliponaxis: false,
    };
  });
  const differences = both[0].map((without, index) => {
    const dropped = both[1][index];
    return without === null || dropped === null ? null : without - dropped;
  });
  const between = {
    type: "bar",
    x: picture.x,
    y: differences,
    width: picture.x.map(() => 0.045 * (Math.max(...picture.x) - Math.min(...picture.x))),
    yaxis: "y2",
    name: "points removed",
    marker: { color: palette.accent },
    text: differences.map((points) => (points === null ? "" : points.toFixed(1).replace("-", "−"))),
    textposition: "outside",
    textangle: 0,
    constraintext: "none",
    cliponaxis: false,
    hovertemplate: "%{y:.1f} points",
  };
  const most = Math.max(1, ...differences.map((points) => points ?? 0));
  const least = Math.min(0, ...differences.map((points) => points ?? 0));
  const layout = {
    hovermode: "x unified",
    xaxis: { title: picture.x_label, anchor: "y2", tickvals: picture.x, tickformat: ",d" },
    yaxis: { ...axisOf(measure), domain: [0.5, 1], range: [0, 1.1 * topOf(measure, both.flat(), run.classes.length)] },
    yaxis2: {
      title: "points removed",
      domain: [0, 0.42],
      range: [1.4 * least - 0.05 * most, 1.3 * most],
      zeroline: true,
      zerolinecolor: palette.ink,
    },
  };
  return { traces: [...curves, between], layout };
}
