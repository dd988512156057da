// What the charts of loss and accuracy share: how a lane looks, which points are drawn, which lanes have diverged.

/** @import { LegendRow } from "./legend.js" */
/** @import { Palette } from "./theme.js" */
/** @import { Run, State } from "./types.js" */

import { spread } from "./stats.js";
import { laneColour } from "./theme.js";

const POINTS = 2000; // of a whole chart: what Plotly redraws in 30 to 40 ms
const LEAST = 24; // of a line, however many there are
const SYMBOLS = ["circle", "square", "diamond", "triangle-up"];
const DASHES = ["solid", "longdash", "dashdot", "longdashdot"];
export const FEW = 4; // lanes: beyond it only the validation lines are drawn at first

/**
 * How a lane is drawn: eight colours, then eight more with a dash; neighbours also differ in their symbol.
 * @param {Palette} palette
 * @param {number} lane
 */
export function laneStyle(palette, lane) {
  return {
    colour: laneColour(palette, lane),
    symbol: SYMBOLS[lane % SYMBOLS.length],
    dash: DASHES[Math.floor(lane / palette.lanes.length) % DASHES.length],
  };
}

/**
 * The rows of a legend of all lanes.
 * @param {Run} run
 * @returns {LegendRow[]}
 */
export function laneRows(run) {
  return run.config.lanes.map(({ name }, lane) => ({ key: String(lane), name, lane }));
}

/**
 * At most so many points of a line that the chart's `lines` together stay within its budget.
 * @param {{ step: ArrayLike<number> }} columns
 * @param {ArrayLike<number>} values
 * @param {number} length How many of them count.
 * @param {number} lines
 * @param {number} [scale] What the values are multiplied by.
 */
export function thinned(columns, values, length, lines, scale = 1) {
  const rows = spread(length, Math.max(LEAST, Math.floor(POINTS / Math.max(lines, 1))));
  return {
    x: rows.map((row) => columns.step[row]),
    y: rows.map((row) => (Number.isFinite(values[row]) ? scale * values[row] : null)),
  };
}

/**
 * The step by which a loss of a lane was no longer finite; `null` while all are.
 * @param {State} state
 * @param {number} lane
 */
export function divergedAt({ losses, scores }, lane) {
  const found = [
    firstBroken(losses.step, losses.loss[lane], losses.length),
    firstBroken(scores.step, scores.train_loss[lane], scores.length),
    firstBroken(scores.step, scores.val_loss[lane], scores.length),
  ];
  const least = Math.min(...found);
  return Number.isFinite(least) ? least : null;
}

/**
 * @param {ArrayLike<number>} steps
 * @param {ArrayLike<number> | undefined} values
 * @param {number} length
 */
function firstBroken(steps, values, length) {
  for (let row = 0; values && row < length; row += 1) {
    if (!Number.isFinite(values[row])) {
      return steps[row];
    }
  }
  return Number.POSITIVE_INFINITY;
}

/**
 * Where an axis of percentages begins: a quarter below the least value, so that it rarely moves.
 * @param {{ y: (number | null)[] }[]} traces
 */
export function percentFloor(traces) {
  const least = Math.min(100, ...traces.flatMap(({ y }) => y.map((value) => value ?? 100)));
  return 25 * Math.floor(Math.min(least, 75) / 25);
}

/**
 * Whether there is something to draw: an evaluation of every lane of the run.
 * @param {State} state
 * @returns {state is State & { run: Run }}
 */
export function hasScores(state) {
  const { run, scores } = state;
  return run !== null && scores.length > 0 && scores.val_loss.length === run.config.lanes.length;
}
