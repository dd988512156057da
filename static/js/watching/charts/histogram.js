// Histograms: of activations in front of a site, and of what sub-networks say where they are right and where wrong. Pure.

/** @import { Limits } from "../../rooms/charts/axes.js" */
/** @import { Chart, Size } from "../../rooms/charts/painter.js" */

import { roundAbove } from "../../rooms/charts/axes.js";
import { axesOf, frameOf } from "../../rooms/charts/frame.js";
import { mark } from "../../rooms/charts/painter.js";

const LETTER = 12;
const MARGINS = { top: 22, right: 10, bottom: 30, left: 46 };
const BINS = 20;

/**
 * @param {{ edges: ArrayLike<number>, counts: ArrayLike<number>, words: string }} given
 * @param {Size} size
 * @returns {Chart}
 */
export function activationChart({ edges, counts, words }, size) {
  const total = Array.from(counts).reduce((sum, count) => sum + count, 0) || 1;
  const shares = Array.from(counts, (count) => (100 * count) / total);
  const low = edges[0];
  const high = edges[edges.length - 1];
  const limits = {
    x: /** @type {Limits} */ ([low, high > low ? high : low + 1]),
    y: /** @type {Limits} */ ([0, roundAbove(Math.max(...shares))]),
  };
  const frame = frameOf(size, MARGINS, limits);
  const bars = shares.flatMap((share, bin) =>
    share > 0 ? [barOf(frame.x(edges[bin]), frame.x(edges[bin + 1]), frame.y(share), frame.bottom)] : [],
  );
  return {
    ...size,
    marks: [
      ...axesOf(frame, limits, { x: "value", y: "% of those not 0" }, LETTER),
      ...(low < 0 && high > 0
        ? [mark("zero", "line", { class: "zero", x1: frame.x(0), x2: frame.x(0), y1: frame.top, y2: frame.bottom })]
        : []),
      mark("bars", "path", { class: "bars", d: bars.join("") || "M0 0" }),
    ],
    words,
  };
}

/**
 * Two groups of values as shares of each group: the right ones filled, the wrong ones an outline.
 * @param {{ right: readonly number[], wrong: readonly number[], name: string, words: string }} given
 * @param {Size} size
 * @returns {Chart}
 */
export function apartChart({ right, wrong, name, words }, size) {
  const most = [...right, ...wrong].reduce((top, value) => Math.max(top, value), 0);
  const end = most > 0 ? roundAbove(most) : 1;
  const inBins = (/** @type {readonly number[]} */ values) => {
    const bins = new Array(BINS).fill(0);
    for (const value of values) {
      bins[Math.min(BINS - 1, Math.max(0, Math.floor((value / end) * BINS)))] += 100 / values.length;
    }
    return bins;
  };
  const [rights, wrongs] = [inBins(right), inBins(wrong)];
  const limits = {
    x: /** @type {Limits} */ ([0, end]),
    y: /** @type {Limits} */ ([0, roundAbove(Math.max(1, ...rights, ...wrongs))]),
  };
  const frame = frameOf(size, { ...MARGINS, bottom: 44 }, limits);
  const at = (/** @type {number} */ bin) => frame.x((bin / BINS) * end);
  const bars = rights.flatMap((share, bin) =>
    share > 0 ? [barOf(at(bin), at(bin + 1), frame.y(share), frame.bottom)] : [],
  );
  const outline = wrongs.map(
    (share, bin) =>
      `${bin === 0 ? "M" : "L"}${at(bin).toFixed(1)} ${frame.y(share).toFixed(1)}H${at(bin + 1).toFixed(1)}`,
  );
  return {
    ...size,
    marks: [
      ...axesOf(frame, limits, { x: name, y: "% of each group" }, LETTER),
      mark("right", "path", { class: "bars is-right", d: bars.join("") || "M0 0" }),
      mark("wrong", "path", { class: "outline is-wrong", d: wrong.length > 0 ? outline.join("") : "M0 0" }),
    ],
    words,
  };
}

/**
 * @param {number} left
 * @param {number} right
 * @param {number} top
 * @param {number} bottom
 */
function barOf(left, right, top, bottom) {
  const gap = right - left > 3 ? 0.5 : 0;
  return `M${(left + gap).toFixed(1)} ${bottom.toFixed(1)}V${top.toFixed(1)}H${(right - gap).toFixed(1)}V${bottom.toFixed(1)}z`;
}
