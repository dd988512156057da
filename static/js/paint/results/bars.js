// A bar for each network, in their order.

/** @import { Chart } from "../../charts.js" */
/** @import { Result } from "../../views/result.js" */

import { laneStyle } from "../../curves.js";
import { winner } from "../../outcome.js";
import { figure } from "../../words/result.js";
import { axisOf, onAxis, topOf } from "./common.js";

const LETTER = 6.2; // px, of a name, about
const PATTERNS = ["", "/", "x", "-"]; // the second eight lanes have the colours of the first

/**
 * @param {Chart} chart
 * @param {Result} result
 */
export function bars({ legend, palette, width }, { lanes, values, measure, best, run }) {
  legend.update([], []);
  const first = winner(values, best);
  const drawn = values.map((value) => onAxis(measure, value));
  const top = topOf(measure, drawn, run.classes.length);
  const room = Math.min(0.45 * width, 14 + LETTER * Math.max(...lanes.map(({ name }) => name.length)));
  const letters = Math.max(6, Math.floor((room - 10) / LETTER));
  const word = best === "least" ? "lowest" : "highest";
  const shown = values.map((value, lane) => `${figure(measure, value)}${lane === first ? ` ◂ ${word}` : ""}`);
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
      line: { color: palette.ink, width: lanes.map((_, lane) => (lane === first ? 2 : 0)) },
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
      ticktext: lanes.map(({ name }) =>
        name.length > letters ? `${asText(name.slice(0, letters - 1))}…` : asText(name),
      ),
      showgrid: false,
    },
  };
  return { traces: [trace], layout };
}

/** @param {string} text Plotly takes some tags for markup. */
function asText(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
