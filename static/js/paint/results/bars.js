// A bar for each network, in their order.

/** @import { Chart } from "../../charts/charts.js" */
/** @import { Result } from "../../views/result.js" */

import { laneStyle } from "../../charts/curves.js";
import { judge } from "../../model/verdict.js";
import { figure } from "../../words/verdict.js";
import { axisOf, onAxis, topOf } from "./common.js";

const LETTER = 6.2; // px, of a name, about
const PATTERNS = ["", "/", "x", "-"]; // the second eight lanes have the colours of the first

/**
 * @param {Chart} chart
 * @param {Result} result
 */
export function bars({ legend, palette, width }, { lanes, diverged = [], values, measure, best, run, right, valSize }) {
  legend.update([], []);
  const { leaders, isAlone, isAlike } = judge({ measure, values, right, valSize });
  const marked = isAlike ? [] : leaders;
  const drawn = values.map((value) => onAxis(measure, value));
  const top = topOf(measure, drawn, run.classes.length);
  const room = Math.min(0.45 * width, 14 + LETTER * Math.max(...lanes.map(({ name }) => name.length)));
  const letters = Math.max(6, Math.floor((room - 10) / LETTER));
  const word = isAlone ? (best === "least" ? "lowest" : "highest") : "tie";
  const shown = values.map((value, lane) =>
    diverged[lane]
      ? `diverged at step ${diverged[lane].toLocaleString("en")}`
      : `${figure(measure, value)}${value !== null && (onAxis(measure, value) ?? 0) > top ? " ▸ beyond the axis" : ""}${marked.includes(lane) ? ` ◂ ${word}` : ""}`,
  );
  const trace = {
    type: "bar",
    orientation: "h",
    y: lanes.map((_, lane) => lane),
    x: drawn.map((value) => Math.min(value ?? 0, top)),
    text: shown,
    textposition: "outside",
    constraintext: "none",
    cliponaxis: false,
    textfont: { size: 11 },
    customdata: lanes.map(({ name }) => name),
    hovertemplate: "%{customdata}: %{text}<extra></extra>",
    marker: {
      color: lanes.map((_, lane) => laneStyle(palette, lane).colour),
      pattern: { shape: lanes.map((_, lane) => PATTERNS[Math.floor(lane / palette.lanes.length) % PATTERNS.length]) },
      line: { color: palette.ink, width: lanes.map((_, lane) => (marked.includes(lane) ? 2 : 0)) },
    },
  };
  const layout = {
    bargap: 0.35,
    margin: { l: room, r: 12, t: 4, b: 36 },
    xaxis: {
      ...axisOf(measure),
      range: [Math.min(0, ...drawn.map((value) => value ?? 0)), top * (width < 420 ? 1.5 : 1.3)],
    },
    yaxis: {
      range: [lanes.length - 0.5, -0.5],
      tickvals: lanes.map((_, lane) => lane),
      ticktext: lanes.map(({ name }) => (name.length > letters ? `${name.slice(0, letters - 1)}…` : name)),
      showgrid: false,
    },
  };
  return { traces: [trace], layout };
}
