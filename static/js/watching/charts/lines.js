// Series over steps: training thin as it is with an average over it, validation strong, and a line for each change. Pure.

/** @import { WatchChange } from "../../types.js" */
/** @import { Limits } from "../../rooms/charts/axes.js" */
/** @import { Frame } from "../../rooms/charts/frame.js" */
/** @import { Chart, Mark, Size } from "../../rooms/charts/painter.js" */
/** @import { Line } from "../lossreading.js" */

import { spread } from "../../model/stats.js";
import { quantile, steadyRange, steadyTop } from "../../rooms/charts/axes.js";
import { axesOf, cutOff, frameOf, lastOf, pathOf } from "../../rooms/charts/frame.js";
import { mark } from "../../rooms/charts/painter.js";
import { logPlaced, logRange, logTicks } from "./logaxis.js";

const LETTER = 12;
const MOST = 1200; // points of a line
const RISEN = 3; // times the first value: what shoots up further leaves the chart
const APART = 14; // units between the numbers of two changes
const SPIKES = 0.995; // the share of a raw line that has to be on the chart
const MARGINS = { top: 22, right: 14, bottom: 30, left: 46 };

/** What was drawn before. @typedef {{ steps: number | null, y: Limits | null }} LineLimits */

/**
 * @param {{ lines: readonly Line[], changes: readonly WatchChange[], isLog: boolean, name: string, words: string }} given
 * @param {Size} size
 * @param {LineLimits} before
 * @returns {Chart & { limits: LineLimits }}
 */
export function linesChart({ lines, changes, isLog, name, words }, size, before) {
  const last = lines.reduce((most, { step }) => Math.max(most, step[step.length - 1] ?? 0), 1);
  const steps = before.steps !== null && last <= before.steps && last > before.steps / 3 ? before.steps : grown(last);
  const y = isLog ? logLimits(lines) : limitsOf(lines, before.y);
  const both = { x: /** @type {Limits} */ ([0, steps]), y };
  const even = frameOf(size, MARGINS, both);
  const frame = isLog ? { ...even, y: logPlaced(y, [even.bottom, even.top]) } : even;
  const upright = isLog ? (/** @type {Limits} */ limits) => logTicks(limits) : undefined;
  return {
    ...size,
    marks: [
      ...axesOf(frame, both, { x: "step", y: name }, LETTER, upright),
      ...changeMarks(changes, frame, steps),
      cutOff(
        "lines",
        frame,
        lines.flatMap((line) => lineMarks(line, frame, isLog)),
      ),
    ],
    words,
    limits: { steps, y: isLog ? null : y },
  };
}

/** @param {number} last */
const grown = (last) => steadyTop(null, Math.max(20, last * 1.15));

/**
 * @param {readonly Line[]} lines
 * @param {Limits | null} before
 * @returns {Limits}
 */
function limitsOf(lines, before) {
  const known = lines.map(({ value, smooth }) => ({ finite: value.filter(Number.isFinite), isRaw: smooth !== null }));
  const isLoss = lines.every(({ role }) => role.endsWith("_loss"));
  const first = isLoss ? known.reduce((most, { finite }) => Math.max(most, finite[0] ?? 0), 0) : 0;
  const tops = known.map(({ finite, isRaw }) =>
    finite.length === 0 ? 0 : isRaw ? quantile(finite, SPIKES) : most(finite),
  );
  const high = tops.reduce((top, each) => Math.max(top, first > 0 ? Math.min(each, RISEN * first) : each), 0);
  const low = known.reduce((least, { finite }) => finite.reduce((one, other) => Math.min(one, other), least), high);
  if (low < 0) {
    return [-steadyTop(null, -low), high > 0 ? steadyTop(null, high) : 0];
  }
  return steadyRange(before && before[0] >= 0 ? before : null, low, high > low ? high : low + (Math.abs(low) || 1));
}

/** @param {readonly number[]} values */
const most = (values) => values.reduce((top, value) => Math.max(top, value), Number.NEGATIVE_INFINITY);

/** @param {readonly Line[]} lines */
function logLimits(lines) {
  const values = lines.flatMap(({ value }) => value.filter((each) => each > 0 && Number.isFinite(each)));
  const low = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  return logRange(low, most(values));
}

/**
 * @param {Line} line
 * @param {Frame} frame
 * @param {boolean} isLog
 * @returns {Mark[]}
 */
function lineMarks({ key, role, step, value, smooth, isOther }, frame, isLog) {
  const some = spread(step.length, MOST);
  const steps = some.map((index) => step[index]);
  const pathOfSome = (/** @type {ArrayLike<number>} */ of) => {
    const values = some.map((index) => (Number.isFinite(of[index]) && (!isLog || of[index] > 0) ? of[index] : null));
    return { d: pathOf(steps, values, frame) || "M0 0", last: lastOf(steps, values) };
  };
  const look = `series is-${role.replace("_", "-")}${isOther ? " is-compared" : ""}`;
  const raw = pathOfSome(value);
  const strong = smooth ? pathOfSome(smooth) : raw;
  const end = strong.last;
  return [
    ...(smooth && !isOther ? [mark(`raw ${key}`, "path", { class: `${look} is-raw`, d: raw.d })] : []),
    mark(key, "path", { class: look, d: strong.d }),
    ...(end
      ? [mark(`end ${key}`, "circle", { class: `${look} is-end`, cx: frame.x(end.step), cy: frame.y(end.value), r: 3 })]
      : []),
  ];
}

/**
 * A line for each change, with its number in the list of changes where there is room for it.
 * @param {readonly WatchChange[]} changes
 * @param {Frame} frame
 * @param {number} steps
 * @returns {Mark[]}
 */
export function changeMarks(changes, { x, top, bottom }, steps) {
  let free = Number.NEGATIVE_INFINITY;
  return changes.flatMap(({ step }, index) => {
    if (step > steps) {
      return [];
    }
    const at = x(step);
    const hasRoom = at >= free;
    free = hasRoom ? at + APART : free;
    return [
      mark(`change ${index}`, "line", { class: "change", x1: at, x2: at, y1: top, y2: bottom }),
      ...(hasRoom
        ? [
            mark(
              `number ${index}`,
              "text",
              { class: "change-number", x: at, y: top - 4, "text-anchor": "middle" },
              String(index + 1),
            ),
          ]
        : []),
    ];
  });
}
