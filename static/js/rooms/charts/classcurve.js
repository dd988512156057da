// The curve that the class draws: a dot for each place, by its dropout rate and its validation loss. Pure.

/** @import { RoomPlace, RoomTopic } from "../../types.js" */
/** @import { Limits } from "./axes.js" */
/** @import { Chart, Mark, Size } from "./painter.js" */

import { formatCount, formatLoss, formatPlain } from "../../model/stats.js";
import { quantile, steadyRange } from "./axes.js";
import { axesOf, cutOff, frameOf, pathOf } from "./frame.js";
import { short } from "./labels.js";
import { mark } from "./painter.js";

const LETTER_WIDTH = 14; // of a name, in units of the chart
const LETTER = 24;
const BUCKETS = 10; // of the rates from 0 to 1
const LEAST = 3; // dots of a bucket that has a median
const ENOUGH = 3; // such buckets, or no line is drawn
/** @type {Limits} */
const RATES = [0, 1];

/** What was drawn before. @typedef {{ loss: Limits | null }} CurveLimits */
/** The known curve. @typedef {NonNullable<RoomTopic["known"]>} KnownCurve */
/** @typedef {RoomPlace & { loss: number }} Dot */

/**
 * The places that have a loss to show.
 * @param {readonly RoomPlace[]} places
 * @returns {Dot[]}
 */
export function dotsOf(places) {
  return /** @type {Dot[]} */ (places.filter(({ loss, gone }) => Number.isFinite(loss) && loss !== null && !gone));
}

/**
 * The medians of the dots in each tenth of the rates, where there are enough: at the median rate and the median loss.
 * @param {readonly Dot[]} dots
 * @returns {{ rate: number, loss: number, count: number }[]} Empty with fewer than three.
 */
export function mediansOf(dots) {
  const found = Array.from({ length: BUCKETS }, (_, index) => {
    const inside = dots.filter(({ hidden }) => bucketOf(hidden) === index);
    const median = (/** @type {number[]} */ values) => quantile(values, 0.5);
    return inside.length < LEAST
      ? []
      : [
          {
            rate: median(inside.map((each) => each.hidden)),
            loss: median(inside.map((each) => each.loss)),
            count: inside.length,
          },
        ];
  }).flat();
  return found.length < ENOUGH ? [] : found;
}

/** @param {number} rate */
function bucketOf(rate) {
  return Math.min(BUCKETS - 1, Math.floor(rate * BUCKETS + 1e-9));
}

/**
 * @param {object} given
 * @param {readonly RoomPlace[]} given.places
 * @param {KnownCurve | null} given.known
 * @param {Size} size
 * @param {CurveLimits} before
 * @returns {Chart & { limits: CurveLimits, legend: { kind: string, text: string }[] }}
 */
export function classCurve({ places, known }, size, before) {
  const dots = dotsOf(places);
  const medians = mediansOf(dots);
  const limits = { loss: rangeOf(dots, known, before.loss) };
  const both = { x: RATES, y: limits.loss ?? /** @type {Limits} */ ([0, 1]) };
  const frame = frameOf(size, { top: 52, right: 20, bottom: 74, left: 74 }, both);
  const best = dots.reduce(
    (/** @type {Dot | null} */ least, dot) => (least && least.loss <= dot.loss ? least : dot),
    null,
  );
  const above = dots.filter(({ loss }) => loss > both.y[1]);
  return {
    ...size,
    marks: [
      ...axesOf(frame, both, { x: "dropout rate of the hidden layers", y: "validation loss" }, LETTER),
      cutOff(
        "inside",
        frame,
        [
          ...(known ? knownMarks(known, frame) : []),
          ...[...dots].sort((one, other) => one.lane - other.lane).map((dot) => dotMark(dot, frame)),
          ...(medians.length > 0
            ? [
                mark("median", "path", {
                  class: "median",
                  d: pathOf(
                    medians.map(({ rate }) => rate),
                    medians.map(({ loss }) => loss),
                    frame,
                  ),
                }),
              ]
            : []),
        ],
        12,
      ),
      ...above.map(({ lane, hidden }) => {
        const x = frame.x(hidden);
        return mark(`above ${lane}`, "path", { class: "dot-above", d: `M${x - 8} ${frame.top + 14}l8 -14l8 14z` });
      }),
      ...(best ? bestLabel(best, frame) : []),
    ],
    words: curveWords(dots, places.length, medians, known),
    legend: legendOf(dots, medians, known, above.length),
    limits,
  };
}

/**
 * The limits of the losses: of the dots but for the few that stand far above, and of the known curve.
 * @param {readonly Dot[]} dots
 * @param {KnownCurve | null} known
 * @param {Limits | null} before
 */
function rangeOf(dots, known, before) {
  const losses = dots.map(({ loss }) => loss);
  const usual = losses.length > 0 ? quantile(losses, 0.5) * 3 : Number.POSITIVE_INFINITY;
  const all = [...losses.filter((loss) => loss <= usual), ...(known ? [...known.low, ...known.high] : [])];
  return all.length > 0 ? steadyRange(before, Math.min(...all), Math.max(...all)) : before;
}

/**
 * @param {Dot} dot
 * @param {import("./frame.js").Frame} frame
 */
function dotMark({ lane, hidden, loss, simulated }, { x, y }) {
  return mark(`dot ${lane}`, "circle", {
    class: simulated ? "dot is-simulated" : "dot",
    cx: x(hidden),
    cy: y(loss),
    r: 9,
  });
}

/**
 * @param {KnownCurve} known
 * @param {import("./frame.js").Frame} frame
 * @returns {Mark[]}
 */
function knownMarks({ rates, loss, low, high }, frame) {
  const back = [...rates].reverse();
  const lower = pathOf(back, [...low].reverse(), frame).replace("M", "L");
  return [
    mark("band", "path", { class: "band", d: `${pathOf(rates, high, frame)}${lower}Z` }),
    mark("known", "path", { class: "known", d: pathOf(rates, loss, frame) }),
  ];
}

/**
 * @param {Dot} best
 * @param {import("./frame.js").Frame} frame
 * @returns {Mark[]}
 */
function bestLabel({ name, hidden, loss }, { x, y, left, right, bottom }) {
  const isLeft = x(hidden) >= (left + right) / 2;
  const at = { x: x(hidden) + (isLeft ? -20 : 20), y: Math.min(y(loss) + 32, bottom - 8) };
  const told = `lowest: ${formatLoss(loss)}`;
  const letters = Math.floor(((isLeft ? x(hidden) - left : right - x(hidden)) - 20) / LETTER_WIDTH) - told.length - 2;
  const text = letters < 4 ? told : `${short(name, Math.min(14, letters))}, ${told}`;
  return [
    mark("best", "circle", { class: "dot-best", cx: x(hidden), cy: y(loss), r: 15 }),
    mark("best name", "text", { class: "line-name over", ...at, "text-anchor": isLeft ? "end" : "start" }, text),
  ];
}

/** @param {KnownCurve} known */
function knownWords({ step, seeds }) {
  return `known: mean of ${formatCount(seeds)} seeds at step ${formatCount(step)}, and their range`;
}

/**
 * @param {readonly Dot[]} dots
 * @param {readonly { count: number }[]} medians
 * @param {KnownCurve | null} known
 * @param {number} above
 */
function legendOf(dots, medians, known, above) {
  const simulated = dots.filter((dot) => dot.simulated).length;
  const other = (/** @type {"input" | "batch_norm"} */ knob) => new Set(dots.map((dot) => dot[knob])).size > 1;
  const also = [...(other("input") ? ["input dropout"] : []), ...(other("batch_norm") ? ["batch normalization"] : [])];
  return [
    ...(dots.length > simulated ? [{ kind: "dot", text: "a student’s network" }] : []),
    ...(simulated > 0 ? [{ kind: "dot is-simulated", text: "a simulated student’s" }] : []),
    ...(medians.length > 0 ? [{ kind: "median", text: "median of each tenth (3 dots or more)" }] : []),
    ...(known ? [{ kind: "known", text: knownWords(known) }] : []),
    ...(above > 0
      ? [{ kind: "above", text: above === 1 ? "one is above the chart" : `${above} are above the chart` }]
      : []),
    ...(also.length > 0 ? [{ kind: "note", text: `They also differ in ${also.join(" and ")}.` }] : []),
  ];
}

/**
 * @param {readonly Dot[]} dots
 * @param {number} all
 * @param {readonly { rate: number, loss: number }[]} medians
 * @param {KnownCurve | null} known
 */
function curveWords(dots, all, medians, known) {
  if (dots.length === 0) {
    return "No place has been evaluated yet.";
  }
  const best = dots.reduce((least, dot) => (dot.loss < least.loss ? dot : least));
  const lowest = medians.reduce(
    (/** @type {{ rate: number, loss: number } | null} */ least, each) =>
      least && least.loss <= each.loss ? least : each,
    null,
  );
  return [
    "Validation loss over the dropout rate of the hidden layers.",
    `${formatCount(dots.length)} of ${formatCount(all)} places have one.`,
    `The lowest is ${formatLoss(best.loss)}, of ${best.name}, with rate ${formatPlain(best.hidden)}.`,
    ...(lowest
      ? [`The median of a tenth of the rates is lowest around ${formatPlain(lowest.rate)}: ${formatLoss(lowest.loss)}.`]
      : []),
    ...(known ? [`Behind them is the known curve, of ${formatCount(known.seeds)} seeds.`] : []),
  ].join(" ");
}
