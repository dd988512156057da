// The step that a reader looks back at, on a chart over steps: a line there, and the number of the step at its foot.

/** @import { Chart } from "./charts.js" */

import { formatCount } from "../model/stats.js";
import { withAlpha } from "./charts.js";

/**
 * @param {Chart} chart
 * @param {number | null} cursor `null`: nobody looks back.
 * @param {number} end Where the axis ends.
 * @returns {{ shapes: object[], labels: object[] }}
 */
export function lookedAt({ palette }, cursor, end) {
  if (cursor === null) {
    return { shapes: [], labels: [] };
  }
  const x = Math.min(cursor, end); // the newest steps are behind the newest evaluation
  const isRight = x > end / 2; // to the left of its line, where there is more room
  return {
    shapes: [
      {
        ...{ type: "line", xref: "x", yref: "paper", x0: x, x1: x, y0: 0, y1: 1 },
        line: { color: palette.accent, width: 1.5 },
      },
    ],
    labels: [
      {
        ...{ x, yref: "paper", y: 0, text: `viewing step ${formatCount(cursor)}`, showarrow: false, yanchor: "bottom" },
        xanchor: isRight ? "right" : "left",
        xshift: isRight ? -3 : 3,
        yshift: 2,
        borderpad: 1,
        bgcolor: withAlpha(palette.panel, 0.85),
        font: { size: 11, color: palette.accent },
      },
    ],
  };
}
