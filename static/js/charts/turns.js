// The trace of a change on a chart: a line at its step, and what was changed beside the newest ones.

/** @import { Chart } from "./charts.js" */
/** @import { Box } from "./labels.js" */
/** @import { Turn } from "../words/changes.js" */
/** @import { Run, State } from "../types.js" */

import { laneColour } from "../base/theme.js";
import { turnsOf } from "../words/changes.js";
import { insideOf } from "./labels.js";

const LINES = 12; // the newest
const LABELS = 2;
const LETTER = 6.4; // pixels, about
const HIGH = 14; // one below the other

/**
 * @param {Chart} chart
 * @param {State & { run: Run }} state
 * @param {number} end Where the axis ends.
 * @returns {{ shapes: object[], labels: object[], boxes: Box[] }} `boxes` are those of the labels.
 */
export function changeLines({ palette, width, height }, { run, schema, scores }, end) {
  const turns = schema && run.changes.length > 0 ? turnsOf(run, schema, scores.step[scores.length - 1]) : [];
  const shown = turns.filter(({ step }) => step > 0 && step <= end).slice(-LINES);
  const colour = (/** @type {Turn} */ { lane }) => (lane === null ? palette.inkSoft : laneColour(palette, lane));
  const inside = insideOf({ width, height });
  const labelled = shown.slice(-LABELS).map((turn, index, all) => {
    const [at, wide] = [(turn.step / end) * inside.width, turn.words.length * LETTER + 3];
    const isRight = at + wide > inside.width && at > inside.width / 2; // to the left of its line, where there is more room
    const left = isRight ? at - wide : at;
    const top = HIGH * (all.length - 1 - index);
    return { turn, isRight, box: { left, right: left + wide, top, bottom: top + HIGH } };
  });
  return {
    boxes: labelled.map(({ box }) => box),
    shapes: shown.map((turn) => ({
      ...{ type: "line", xref: "x", yref: "paper", x0: turn.step, x1: turn.step, y0: 0, y1: 1, layer: "below" },
      line: { color: colour(turn), width: 1.2, dash: "dot" },
    })),
    labels: labelled.map(({ turn, isRight, box }) => ({
      ...{ x: turn.step, yref: "paper", y: 1, text: turn.words, showarrow: false, yanchor: "top" },
      xanchor: isRight ? "right" : "left",
      xshift: isRight ? -3 : 3,
      yshift: -box.top,
      borderpad: 0,
      bgcolor: palette.panel,
      font: { size: 11, color: colour(turn) },
    })),
  };
}
