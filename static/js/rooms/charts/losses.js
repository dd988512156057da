// The loss curves of one run: validation solid, training dashed, each network in its colour. Pure.

/** @import { FollowedTopic } from "../../types.js" */
/** @import { Limits } from "./axes.js" */
/** @import { Chart, Mark, Size } from "./painter.js" */

import { formatCount, formatLoss, formatPercent } from "../../model/stats.js";
import { steadyTop } from "./axes.js";
import { axesOf, cutOff, frameOf, lastOf, pathOf } from "./frame.js";
import { short, spreadLabels } from "./labels.js";
import { mark } from "./painter.js";

const LETTER = 24;
const LANES = 8; // colours
const RISEN = 3; // times the first loss: what shoots up further leaves the chart

/** @typedef {readonly (number | null)[]} Line */
/** Training losses, a line for each network. @typedef {{ step: readonly number[], train: readonly Line[] }} Trail */
/** What there is to draw. @typedef {Pick<FollowedTopic, "networks" | "curve"> & { trail: Trail }} Losses */
/** What was drawn before. @typedef {{ steps: number | null, top: number | null }} LossLimits */

/**
 * @param {Losses} given
 * @param {Size} size
 * @param {LossLimits} before
 * @returns {Chart & { limits: LossLimits }}
 */
export function lossChart({ networks, curve, trail }, size, before) {
  const limits = limitsOf(curve, trail, before);
  const both = { x: /** @type {Limits} */ ([0, limits.steps ?? 100]), y: /** @type {Limits} */ ([0, limits.top ?? 1]) };
  const frame = frameOf(size, { top: 52, right: 250, bottom: 44, left: 74 }, both);
  const lines = (
    /** @type {string} */ kind,
    /** @type {readonly number[]} */ step,
    /** @type {readonly (readonly (number | null)[])[]} */ all,
  ) =>
    all.map((values, index) => {
      const at = { class: `loss-line ${kind}`, "data-lane": index % LANES, d: pathOf(step, values, frame) || "M0 0" };
      return mark(`${kind} ${index}`, "path", at);
    });
  return {
    ...size,
    marks: [
      ...axesOf(frame, both, { x: "step", y: "loss" }, LETTER),
      cutOff("lines", frame, [
        ...lines("train", trail.step, trail.train),
        ...lines("validation", curve.step, curve.loss),
      ]),
      ...labelsOf({ networks, curve }, frame),
    ],
    words: lossWords({ networks, curve }),
    limits,
  };
}

/**
 * @param {FollowedTopic["curve"]} curve
 * @param {Trail} trail
 * @param {LossLimits} before
 * @returns {LossLimits}
 */
function limitsOf({ step, loss }, { train }, before) {
  const lines = [...loss, ...train];
  const known = lines.flatMap((line) => line.filter((each) => each !== null && Number.isFinite(each)));
  const starts = lines.flatMap((line) => line.find((each) => each !== null) ?? []);
  const most = starts.length > 0 ? RISEN * Math.max(...starts) : 1;
  const high = known.reduce(
    (/** @type {number} */ top, each) => Math.max(top, Math.min(/** @type {number} */ (each), most)),
    0,
  );
  const last = step[step.length - 1] ?? 0;
  return {
    steps: last > 0 ? steadySteps(before.steps, last) : null,
    top: high > 0 ? steadyTop(last > 0 ? before.top : null, high) : before.top,
  };
}

/**
 * @param {number | null} before
 * @param {number} last
 */
function steadySteps(before, last) {
  return before !== null && last <= before && last >= before / 4 ? before : steadyTop(null, Math.max(100, last * 1.1));
}

/**
 * @param {Pick<FollowedTopic, "networks" | "curve">} topic
 * @param {import("./frame.js").Frame} frame
 * @returns {Mark[]}
 */
function labelsOf({ networks, curve: { step, loss } }, { x, y, right, top, bottom }) {
  const told = networks.flatMap(({ name }, index) => {
    const last = lastOf(step, loss[index] ?? []);
    return last ? [{ name, index, last }] : [];
  });
  const ends = told.map(({ last }) => Math.min(Math.max(y(last.value), top), bottom));
  const places = spreadLabels(ends, 64, [top + 6, bottom - 28]);
  return told.flatMap(({ name, index, last }, order) => {
    const from = Math.min(x(last.step), right) + 8;
    const lane = { "data-lane": index % LANES };
    const d = `M${from} ${ends[order]}L${right + 16} ${places[order]}h10`;
    const above = y(last.value) < top ? "↑ " : "";
    return [
      mark(`lead ${index}`, "path", { class: "lead", ...lane, d }),
      mark(
        `name ${index}`,
        "text",
        { class: "line-name", ...lane, x: right + 32, y: places[order] + 2 },
        short(name, 15),
      ),
      mark(
        `about ${index}`,
        "text",
        { class: "line-about", x: right + 32, y: places[order] + 32 },
        `${above}${formatLoss(last.value)}`,
      ),
    ];
  });
}

/** @param {Pick<FollowedTopic, "networks" | "curve">} topic */
function lossWords({ networks, curve: { step, loss } }) {
  const last = step[step.length - 1];
  const told = networks.flatMap(({ name, accuracy }, index) => {
    const end = lastOf(step, loss[index] ?? []);
    const beside = accuracy === null ? "" : `, accuracy ${formatPercent(accuracy)}`;
    return end ? [`${name}: validation loss ${formatLoss(end.value)}${beside}.`] : [];
  });
  return told.length > 0
    ? `Losses up to step ${formatCount(last)}. ${told.join(" ")}`
    : "No network has been evaluated yet.";
}
