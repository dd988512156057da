// Curves as small drawings: lines of numbers in a box, with gaps where there is no number.

import { markLane } from "../base/theme.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {Document} document
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 */
export function s(document, tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/**
 * From numbers to places: the first of a range is at the first of the other.
 * @param {readonly [number, number]} from
 * @param {readonly [number, number]} to
 */
export function scale([low, high], [first, last]) {
  const span = high - low || 1;
  return (/** @type {number} */ value) => first + ((value - low) / span) * (last - first);
}

/**
 * The range of some numbers; of curves that shoot up it ends at four times the first values' height.
 * @param {readonly (readonly (number | null)[])[]} lines
 * @returns {[number, number]}
 */
export function rangeOf(lines) {
  const known = lines.flatMap((line) => line.filter((value) => value !== null));
  const starts = lines.flatMap((line) => line.find((value) => value !== null) ?? []);
  const most = starts.length > 0 ? 4 * Math.max(...starts) : 1;
  const high = known.reduce((top, value) => Math.max(top, Math.min(value, most)), 0);
  return [0, high || 1];
}

/**
 * The path of a line, in pieces between gaps.
 * @param {readonly number[]} steps
 * @param {readonly (number | null)[]} values
 * @param {(step: number) => number} x
 * @param {(value: number) => number} y
 */
export function pathOf(steps, values, x, y) {
  let pen = "M";
  const parts = [];
  for (const [index, value] of values.entries()) {
    if (value === null) {
      pen = "M";
    } else {
      parts.push(`${pen}${x(steps[index]).toFixed(1)} ${y(value).toFixed(1)}`);
      pen = "L";
    }
  }
  return parts.join("");
}

/**
 * A small drawing of a run's losses: training thin, validation strong, each network in its colour.
 * @param {Document} document
 * @param {NonNullable<import("../types.js").ListedRun["curves"]>} curves
 * @param {number} lanes How many are drawn.
 */
export function drawSmall(document, curves, lanes) {
  const [width, height] = [180, 64];
  const line = (/** @type {"train_loss" | "val_loss"} */ which, /** @type {number} */ lane) =>
    curves[which].map((row) => row[lane] ?? null);
  const order = Array.from({ length: lanes }, (_, lane) => lane);
  const range = rangeOf(order.flatMap((lane) => [line("train_loss", lane), line("val_loss", lane)]));
  const last = curves.step[curves.step.length - 1];
  const x = scale([curves.step[0], Math.max(last, curves.step[0] + 1)], [2, width - 2]);
  const y = scale(range, [height - 3, 3]);
  const paths = ["train_loss", "val_loss"].flatMap((which) =>
    order.map((lane) => {
      const kind = /** @type {"train_loss" | "val_loss"} */ (which);
      const at = { class: `curve ${which}`, d: pathOf(curves.step, line(kind, lane), x, y) };
      const path = s(document, "path", at);
      markLane(path, lane);
      return path;
    }),
  );
  const box = { viewBox: `0 0 ${width} ${height}`, class: "small-curves", "aria-hidden": "true" };
  return s(document, "svg", { ...box, preserveAspectRatio: "none" }, ...paths);
}
