// A measure of each network over a number of its own, as it is now, and thin behind it as it was.

/** @import { Chart } from "../../charts/charts.js" */
/** @import { Result } from "../../views/result.js" */

import { withAlpha } from "../../charts/charts.js";
import { laneStyle } from "../../charts/curves.js";
import { along, insideOf, placeLabels } from "../../charts/labels.js";
import { figures, judge } from "../../model/verdict.js";
import { figure, rangeOf } from "../../words/verdict.js";
import { axisOf, onAxis, topOf } from "./common.js";

const GHOSTS = [0.1, 0.25, 0.5]; // of the steps so far

/**
 * @param {Chart} chart
 * @param {Result} result
 */
export function curve(chart, { lanes, values, measure, best, picture, run, scores, right, valSize }) {
  const { legend, palette } = chart;
  legend.update([], []);
  const own = { measure, values, right, valSize };
  const { first, leaders, isAlone, isAlike } = judge(own);
  const marked = isAlike ? [] : leaders;
  const drawn = values.map((value) => onAxis(measure, value));
  const ghosts = ghostRows(scores).map((row, index) => ({
    type: "scatter",
    mode: "lines",
    x: picture.x,
    y: figures({ scores, insights: {} }, measure, [row]).map((value) => onAxis(measure, value)),
    line: { color: withAlpha(palette.inkSoft, 0.25 + 0.15 * index), width: 1 },
    name: `step ${scores.step[row].toLocaleString("en")}`,
    hovertemplate: "%{y:.3~f}",
  }));
  const styles = lanes.map((_, lane) => laneStyle(palette, lane));
  const line = {
    type: "scatter",
    mode: "lines+markers",
    x: picture.x,
    y: drawn,
    line: { color: palette.ink, width: 2 },
    marker: {
      size: lanes.map((_, lane) => (marked.includes(lane) ? 14 : 9)),
      color: styles.map(({ colour }) => colour),
      symbol: styles.map(({ symbol }) => symbol),
      line: { color: styles.map((_, lane) => (marked.includes(lane) ? palette.ink : palette.panel)), width: 1.5 },
    },
    text: lanes.map(({ name }) => name),
    hovertemplate: "%{text}: %{y:.3~f}<extra></extra>",
    cliponaxis: false,
  };
  const top = topOf(measure, [...drawn, ...ghosts.slice(0, 1).flatMap(({ y }) => y)], run.classes.length);
  const [low, high] = [Math.min(...picture.x), Math.max(...picture.x)];
  const isCut = drawn.some((value) => (value ?? 0) > top);
  const margin = 0.05 * (high - low || 1);
  const word = best === "least" ? "lowest" : "highest";
  const ends = { x: [low - margin, high + margin], y: [-0.08 * top, 1.06 * top] };
  const inside = insideOf(chart);
  const at = (/** @type {number} */ x, /** @type {number | null} */ y) => ({
    x: ((x - ends.x[0]) / (ends.x[1] - ends.x[0])) * inside.width,
    y: ((ends.y[1] - (y ?? 0)) / (ends.y[1] - ends.y[0])) * inside.height,
  });
  const text = isAlone ? `${word} ${figure(measure, values[first])}` : `tie: ${rangeOf(own, leaders)}`;
  const points = along(picture.x.flatMap((x, lane) => (drawn[lane] === null ? [] : [at(x, drawn[lane])])));
  const [place] = placeLabels([{ ...at(picture.x[first], drawn[first]), text }], { inside, taken: [], points });
  const label = { x: picture.x[first], y: drawn[first], text, showarrow: false, ...place, borderpad: 0 };
  const layout = {
    annotations: marked.length === 0 ? [] : [{ ...label, bgcolor: withAlpha(palette.panel, 0.8), font: { size: 11 } }],
    hovermode: "closest",
    xaxis: { title: picture.x_label, range: ends.x, tickvals: picture.x },
    yaxis: { ...axisOf(measure, isCut ? top : null), range: ends.y },
  };
  return { traces: [...ghosts, line], layout };
}

/**
 * The rows of some earlier evaluations, none of them the first, before anything was learnt, or the last.
 * @param {{ length: number, step: ArrayLike<number> }} scores
 */
function ghostRows({ length, step }) {
  const last = length > 0 ? step[length - 1] : 0;
  const rows = GHOSTS.map((part) => {
    let row = 0;
    while (row < length - 1 && step[row] < part * last) {
      row += 1;
    }
    return row;
  });
  return [...new Set(rows)].filter((row) => row > 0 && row < length - 1);
}
