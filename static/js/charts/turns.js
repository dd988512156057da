// The trace of a change on a chart: a line at its step, and what was changed beside the newest ones.

/** @import { Chart } from "./charts.js" */
/** @import { Turn } from "../words/changes.js" */
/** @import { Run, State } from "../types.js" */

import { laneColour } from "../base/theme.js";
import { turnsOf } from "../words/changes.js";

const LINES = 12; // the newest
const LABELS = 2;
const LETTER = 6; // pixels, about

/**
 * @param {Chart} chart
 * @param {State & { run: Run }} state
 * @param {number} end Where the axis ends.
 * @returns {{ shapes: object[], labels: object[] }}
 */
export function changeLines({ palette, width }, { run, schema, scores }, end) {
  const turns = schema && run.changes.length > 0 ? turnsOf(run, schema, scores.step[scores.length - 1]) : [];
  const shown = turns.filter(({ step }) => step > 0 && step <= end).slice(-LINES);
  const colour = (/** @type {Turn} */ { lane }) => (lane === null ? palette.inkSoft : laneColour(palette, lane));
  return {
    shapes: shown.map((turn) => ({
      ...{ type: "line", xref: "x", yref: "paper", x0: turn.step, x1: turn.step, y0: 0, y1: 1, layer: "below" },
      line: { color: colour(turn), width: 1.2, dash: "dot" },
    })),
    labels: shown.slice(-LABELS).map((turn, index, labelled) => {
      const isRight = (turn.step / end) * width + turn.words.length * LETTER > width - 60;
      return {
        ...{ x: turn.step, yref: "paper", y: 1, text: turn.words, showarrow: false, yanchor: "top" },
        xanchor: isRight ? "right" : "left",
        xshift: isRight ? -3 : 3,
        yshift: -14 * (labelled.length - 1 - index), // one below the other
        bgcolor: palette.panel,
        font: { size: 11, color: colour(turn) },
      };
    }),
  };
}
