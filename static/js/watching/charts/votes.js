// Sub-networks: each as a dot, the average of the first ones as a line, the network with all units as a dashed line. Pure.

/** @import { Limits } from "../../rooms/charts/axes.js" */
/** @import { Chart, Size } from "../../rooms/charts/painter.js" */

import { roundAbove, steadyRange } from "../../rooms/charts/axes.js";
import { axesOf, cutOff, frameOf, pathOf } from "../../rooms/charts/frame.js";
import { mark } from "../../rooms/charts/painter.js";

const LETTER = 12;
const MARGINS = { top: 22, right: 12, bottom: 42, left: 50 };

/**
 * @param {{ members: readonly number[], average: readonly number[], scaling: number | null, name: string, words: string }} given
 * @param {Size} size
 * @returns {Chart}
 */
export function votesChart({ members, average, scaling, name, words }, size) {
  const all = [...members, ...average, ...(scaling === null ? [] : [scaling])].filter(Number.isFinite);
  const low = all.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const high = all.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const limits = {
    x: /** @type {Limits} */ ([0, roundAbove(Math.max(2, members.length))]),
    y: all.length > 0 ? steadyRange(null, low, high) : /** @type {Limits} */ ([0, 1]),
  };
  const frame = frameOf(size, MARGINS, limits);
  const { x, y, left, right } = frame;
  const dots = members.flatMap((value, index) =>
    Number.isFinite(value) ? [`M${x(index + 1).toFixed(1)} ${y(value).toFixed(1)}h0`] : [],
  );
  const numbers = average.map((_, index) => index + 1);
  return {
    ...size,
    marks: [
      ...axesOf(frame, limits, { x: "number of sub-networks", y: name }, LETTER),
      cutOff("votes", frame, [
        mark("members", "path", { class: "member", d: dots.join("") || "M0 0" }),
        ...(scaling === null
          ? []
          : [mark("scaling", "line", { class: "scaling", x1: left, x2: right, y1: y(scaling), y2: y(scaling) })]),
        mark("average", "path", { class: "average", d: pathOf(numbers, average, { x, y }) || "M0 0" }),
      ]),
    ],
    words,
  };
}
