// What charts with two axes have in common: the grid, its numbers, the names of the axes, and lines inside. Pure.

/** @import { Limits } from "./axes.js" */
/** @import { Mark, Size } from "./painter.js" */

import { placed, ticksOf } from "./axes.js";
import { mark } from "./painter.js";

const SHORT = 8; // letters of an axis's name that stands beside its numbers; a longer one stands below them

/** What is around the axes. @typedef {{ top: number, right: number, bottom: number, left: number }} Margins */

/**
 * Where a chart's lines are, and how to get there.
 * @typedef {object} Frame
 * @property {(value: number) => number} x
 * @property {(value: number) => number} y
 * @property {number} left
 * @property {number} top
 * @property {number} right
 * @property {number} bottom
 */

/**
 * @param {Size} size
 * @param {Margins} margins
 * @param {{ x: Limits, y: Limits }} limits
 * @returns {Frame}
 */
export function frameOf({ width, height }, margins, limits) {
  const [left, top] = [margins.left, margins.top];
  const right = Math.max(left + 1, width - margins.right);
  const bottom = Math.max(top + 1, height - margins.bottom);
  return {
    ...{ left, top, right, bottom },
    x: placed(limits.x, [left, right]),
    y: placed(limits.y, [bottom, top]),
  };
}

/**
 * The grid and the axes with their names, the upright one's above it, so that nobody has to turn the head.
 * @param {Frame} frame
 * @param {{ x: Limits, y: Limits }} limits
 * @param {{ x: string, y: string }} names
 * @param {number} letter How high a letter is.
 * @param {typeof ticksOf} [ticks] Of the upright axis; by default those of an even one.
 * @returns {Mark[]}
 */
export function axesOf({ x, y, left, top, right, bottom }, limits, names, letter, ticks = ticksOf) {
  const rows = Math.max(2, Math.min(6, Math.floor((bottom - top) / (letter * 2.6))));
  const columns = Math.max(2, Math.min(6, Math.floor((right - left) / (letter * 5))));
  const across = ticks(limits.y, rows).flatMap(({ at, text }) => [
    mark(`y ${text}`, "line", { class: "grid", x1: left, x2: right, y1: y(at), y2: y(at) }),
    mark(
      `y ${text}`,
      "text",
      { class: "tick", x: left - letter / 2, y: y(at) + letter * 0.35, "text-anchor": "end" },
      text,
    ),
  ]);
  const isBelow = names.x.length > SHORT;
  const end = isBelow ? Number.POSITIVE_INFINITY : right - names.x.length * letter * 0.56; // where it begins
  const nameAt = { x: right, y: bottom + letter * (isBelow ? 2.5 : 1.3), "text-anchor": "end" };
  const upright = ticksOf(limits.x, columns).flatMap(({ at, text }) => [
    mark(`x ${text}`, "line", { class: "grid", x1: x(at), x2: x(at), y1: bottom, y2: bottom + letter * 0.3 }),
    ...(x(at) + text.length * letter * 0.3 + letter / 2 < end
      ? [
          mark(
            `x ${text}`,
            "text",
            { class: "tick", x: x(at), y: bottom + letter * 1.3, "text-anchor": "middle" },
            text,
          ),
        ]
      : []),
  ]);
  return [
    ...across,
    ...upright,
    mark("axis", "line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom }),
    mark("y name", "text", { class: "axis-name", x: left, y: top - letter * 0.7 }, names.y),
    mark("x name", "text", { class: "axis-name", ...nameAt }, names.x),
  ];
}

/**
 * What is drawn on the axes, and cut off where they end.
 * @param {string} key
 * @param {Frame} frame
 * @param {Mark[]} marks
 * @param {number} [beyond] How far a mark may reach beyond.
 */
export function cutOff(key, { left, top, right, bottom }, marks, beyond = 3) {
  const [x, y, width, height] = [left - beyond, top - beyond, right - left + 2 * beyond, bottom - top + 2 * beyond];
  const at = { x, y, width, height, viewBox: [x, y, width, height].map((each) => each.toFixed(1)).join(" ") };
  return mark(key, "svg", { class: "cut-off", ...at }, marks);
}

/**
 * The path of a line, in pieces between gaps.
 * @param {readonly number[]} steps
 * @param {readonly (number | null | undefined)[]} values
 * @param {Pick<Frame, "x" | "y">} frame
 */
export function pathOf(steps, values, { x, y }) {
  let pen = "M";
  const parts = [];
  for (const [index, step] of steps.entries()) {
    const value = values[index];
    if (value === null || value === undefined) {
      pen = "M";
    } else {
      parts.push(`${pen}${x(step).toFixed(1)} ${y(value).toFixed(1)}`);
      pen = "L";
    }
  }
  return parts.join("");
}

/**
 * The last value of a line that is one, with its step.
 * @param {readonly number[]} steps
 * @param {readonly (number | null | undefined)[]} values
 */
export function lastOf(steps, values) {
  for (let index = steps.length - 1; index >= 0; index -= 1) {
    const value = values[index];
    if (value !== null && value !== undefined) {
      return { step: steps[index], value };
    }
  }
  return null;
}
