// How much each mask kept, as dots, over the band that holds 95% of fair masks. Pure.

/** @import { SiteRow } from "../../types.js" */
/** @import { Limits } from "../../rooms/charts/axes.js" */
/** @import { Band } from "../chance.js" */
/** @import { Chart, Size } from "../../rooms/charts/painter.js" */

import { steadyRange } from "../../rooms/charts/axes.js";
import { axesOf, cutOff, frameOf } from "../../rooms/charts/frame.js";
import { mark } from "../../rooms/charts/painter.js";

const LETTER = 12;
const MARGINS = { top: 22, right: 10, bottom: 30, left: 50 };
const MOST = 300; // masks in view
const RING = 3;

/**
 * @param {{ rows: readonly SiteRow[], bands: (size: number, rate: number) => Band, words: string }} given Rows of one rate.
 * @param {Size} size
 * @param {Limits | null} before
 * @returns {Chart & { limits: Limits }}
 */
export function keptChart({ rows, bands, words }, size, before) {
  const some = rows.slice(-MOST);
  const told = some.map(({ step, kept, size: whole, rate }) => {
    const { low, high, mean } = bands(whole, rate);
    const [lowest, highest] = [share(low - 0.5, whole), share(high + 0.5, whole)]; // between two counts
    return {
      step,
      share: share(kept, whole),
      low: lowest,
      high: highest,
      mean: share(mean, whole),
      isOut: kept < low || kept > high,
    };
  });
  const least = Math.min(...told.map((each) => Math.min(each.share, each.low)));
  const most = Math.max(...told.map((each) => Math.max(each.share, each.high)));
  const y = steadyRange(before, Math.max(0, least), Math.min(100, most));
  const [first, last] = [told[0].step, told[told.length - 1].step];
  const both = { x: /** @type {Limits} */ ([first, Math.max(last, first + 1)]), y };
  const frame = frameOf(size, MARGINS, both);
  const { x, y: up } = frame;
  const at = (/** @type {number} */ step, /** @type {number} */ value) =>
    `${x(step).toFixed(1)} ${up(value).toFixed(1)}`;
  /** As far as half-way to its neighbours a mask has its own band: they differ where masks do in size. */
  const outlineOf = (/** @type {typeof told} */ all, /** @type {"low" | "high"} */ edge) =>
    all.flatMap((each, index) => {
      const [from, to] = [all[index - 1] ?? each, all[index + 1] ?? each];
      return [at((from.step + each.step) / 2, each[edge]), at((each.step + to.step) / 2, each[edge])];
    });
  const edges = [...outlineOf(told, "high"), ...outlineOf([...told].reverse(), "low")];
  const dot = (/** @type {typeof told[0]} */ each) => `M${at(each.step, each.share)}h0`;
  const ring = (/** @type {typeof told[0]} */ each) =>
    `M${(x(each.step) - RING).toFixed(1)} ${up(each.share).toFixed(1)}a${RING} ${RING} 0 1 0 ${2 * RING} 0a${RING} ${RING} 0 1 0 ${-2 * RING} 0`;
  const paths = {
    inside: told.filter(({ isOut }) => !isOut).map(dot),
    outside: told.filter(({ isOut }) => isOut).map(ring),
  };
  return {
    ...size,
    marks: [
      ...axesOf(frame, both, { x: "step", y: "% of the mask kept" }, LETTER),
      cutOff(
        "counts",
        frame,
        [
          mark("band", "path", { class: "band", d: `M${edges.join("L")}z` }),
          mark("mean", "path", { class: "mean", d: `M${told.map(({ step, mean }) => at(step, mean)).join("L")}` }),
          mark("inside", "path", { class: "count", d: paths.inside.join("") || "M0 0" }),
          mark("outside", "path", { class: "count is-outside", d: paths.outside.join("") || "M0 0" }),
        ],
        4,
      ),
    ],
    words,
    limits: y,
  };
}

/**
 * @param {number} count
 * @param {number} whole
 */
const share = (count, whole) => (whole > 0 ? (100 * count) / whole : 0);
