// A run's curves as a drawing no larger than a line of text: validation solid, training thin. Pure.

/** @import { Chart } from "./painter.js" */

import { roundAbove } from "./axes.js";
import { pathOf } from "./frame.js";
import { mark } from "./painter.js";

const [WIDTH, HEIGHT, EDGE] = [96, 28, 2];
const RISEN = 3;

/**
 * @param {{ step: readonly number[], loss: readonly (number | null)[], train?: readonly (number | null)[] }} curve
 * @param {string} words
 * @returns {Chart}
 */
export function sparkOf({ step, loss, train = [] }, words) {
  const known = [...loss, ...train].filter((value) => value !== null && Number.isFinite(value));
  const first = known[0] ?? 1;
  const top = roundAbove(
    known.reduce((/** @type {number} */ most, value) => Math.max(most, Math.min(value ?? 0, RISEN * (first ?? 1))), 0),
  );
  const last = Math.max(1, step[step.length - 1] ?? 1);
  const frame = {
    x: (/** @type {number} */ value) => EDGE + (value / last) * (WIDTH - 2 * EDGE),
    y: (/** @type {number} */ value) => HEIGHT - EDGE - (Math.min(value, top) / top) * (HEIGHT - 2 * EDGE),
  };
  return {
    ...{ width: WIDTH, height: HEIGHT, words },
    marks: [
      mark("train", "path", { class: "spark-train", d: pathOf(step, train, frame) || "M0 0" }),
      mark("loss", "path", { class: "spark-loss", d: pathOf(step, loss, frame) || "M0 0" }),
    ],
  };
}
