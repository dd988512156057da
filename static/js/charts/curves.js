// What the charts of loss and accuracy share: how a lane looks, which points are drawn, which lanes have diverged.

/** @import { LegendRow } from "./legend.js" */
/** @import { Palette } from "../base/theme.js" */
/** @import { Run, State } from "../types.js" */

import { laneColour, laneShape } from "../base/theme.js";
import { divergenceOf } from "../model/diverged.js";
import { beganOf } from "../model/layers.js";
import { formatCount, spread } from "../model/stats.js";

const POINTS = 2000; // of a whole chart: what Plotly redraws in 30 to 40 ms
const LEAST = 24; // of a line, however many there are
const SYMBOLS = ["circle", "square", "diamond", "triangle-up"];
const DASHES = ["solid", "longdash", "dashdot", "longdashdot"];
const FROZEN = 0.55; // opacity of the line of a lane that early stopping froze
export const MANY = 16; // lanes: beyond it lines and markers are fine
export const FEW = 4; // lanes: beyond it only the validation lines are drawn at first

/**
 * How a lane is drawn: eight colours, then eight more with a dash; neighbours also differ in their symbol.
 * @param {Palette} palette
 * @param {number} lane
 */
export function laneStyle(palette, lane) {
  return {
    colour: laneColour(palette, lane),
    symbol: SYMBOLS[laneShape(lane, SYMBOLS.length)],
    dash: DASHES[Math.floor(lane / palette.lanes.length) % DASHES.length],
  };
}

/**
 * The rows of a legend of all lanes.
 * @param {Run} run
 * @returns {LegendRow[]}
 */
export function laneRows(run) {
  return run.config.lanes.map(({ name }, lane) => {
    const stop = stopOf(run, lane);
    const gone = divergenceOf(run, lane);
    const note = gone
      ? `diverged at ${formatCount(gone.step)}`
      : stop
        ? `stopped at ${formatCount(stop.step)}, weights of ${formatCount(stop.best_step)}`
        : "";
    return { key: String(lane), name, lane, note };
  });
}

/**
 * How wide a lane's validation line is: of many lanes the followed one stands out.
 * @param {Run} run
 * @param {number} lane
 */
export function lineWidth({ config, follow }, lane) {
  return config.lanes.length <= FEW ? 2.4 : lane === follow.lane ? 3 : config.lanes.length > MANY ? 1.1 : 1.6;
}

/**
 * Where early stopping froze a lane, and which weights it got back; `null` while it trains.
 * @param {Run} run
 * @param {number} lane
 */
export function stopOf(run, lane) {
  return run.stopped?.[lane] ?? null;
}

/**
 * How many of the first rows of some columns are not after a step.
 * @param {{ step: ArrayLike<number> }} columns
 * @param {number} length How many of them count.
 * @param {number} step
 */
export function rowsUntil({ step: steps }, length, step) {
  let rows = length;
  while (rows > 0 && steps[rows - 1] > step) {
    rows -= 1;
  }
  return rows;
}

/**
 * A line in two parts where early stopping froze its lane: solid while it learned, then faint and dotted, for it stands still. The
 * second part repeats the last point of the first.
 * @template {{ x: number[], y: (number | null)[], line: { color: string, width: number, dash?: string }, name: string }} T
 * @param {T} line
 * @param {{ step: number } | null} stop
 * @returns {(T & { opacity?: number })[]}
 */
export function brokenAt(line, stop) {
  const rows = stop ? rowsUntil({ step: line.x }, line.x.length, stop.step) : line.x.length;
  if (rows >= line.x.length || rows === 0) {
    return [line];
  }
  const rest = { ...line.line, width: 1.2, dash: "dot" };
  const { x, y } = line;
  return [
    { ...line, x: x.slice(0, rows), y: y.slice(0, rows) },
    { ...line, x: x.slice(rows - 1), y: y.slice(rows - 1), line: rest, opacity: FROZEN, name: `${line.name}, stopped` },
  ];
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
 * The step at which a lane diverged or, until the server has said so, by which a loss of it was no longer finite since it began; `null`
 * while all are.
 * @param {State} state
 * @param {number} lane
 */
export function divergedAt({ run, losses, scores }, lane) {
  const divergence = run && divergenceOf(run, lane);
  if (divergence) {
    return divergence.step;
  }
  const began = run ? beganOf(run, lane) : 0;
  const [trained, judged] = [rowsUntil(losses, losses.length, began), rowsUntil(scores, scores.length, began)];
  const isNew = began > 0;
  const found = [
    firstBroken(losses.step, losses.loss[lane], losses.length, isNew ? trained : 0),
    firstBroken(scores.step, scores.train_loss[lane], scores.length, isNew ? judged : 0),
    firstBroken(scores.step, scores.val_loss[lane], scores.length, isNew ? judged : 0),
  ];
  const least = Math.min(...found);
  return Number.isFinite(least) ? least : null;
}

/**
 * @param {ArrayLike<number>} steps
 * @param {ArrayLike<number> | undefined} values
 * @param {number} length
 * @param {number} from The first row that counts.
 */
function firstBroken(steps, values, length, from) {
  for (let row = from; values && row < length; row += 1) {
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
