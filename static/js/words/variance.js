// What the picture of the variance shift shows, in words.

import { formatCount, formatLoss, formatPercent } from "../model/stats.js";
import { order } from "../model/verdict.js";
import { joined, layerLabel, listed, quoted } from "./common.js";

/**
 * How far the units of one layer of one network are spread in training, by how far they are in evaluation.
 * @typedef {object} Shift
 * @property {string} name Of the network.
 * @property {string} layer
 * @property {number} ratio Median over units.
 * @property {number} theory NaN where dropout does not stand directly before batch norm.
 */

/**
 * @typedef {object} VarianceReading
 * @property {number} step
 * @property {boolean} directly Whether dropout stands directly before batch norm.
 * @property {boolean} shared Whether the run has one mask for a whole mini-batch.
 * @property {Shift[]} shifts Of every network with batch norm, and every layer.
 * @property {{ name: string, shift: number, val: number }[]} losses Of every network with batch norm: the ratio of the layer
 *   that is shifted most, and the validation loss.
 */

const SHIFTED = 1.1; // a ratio within a tenth of 1 is not spoken of as a shift

/** @param {VarianceReading | null} reading `null` before the first look. */
export function varianceSentence(reading) {
  if (reading === null) {
    return "No variance has been measured yet.";
  }
  const { step, directly, shared, shifts, losses } = reading;
  const known = shifts.filter(({ ratio }) => ratio > 0 && Number.isFinite(ratio));
  const lead = `Step ${formatCount(step)}.`;
  if (known.length === 0) {
    return `${lead} ${shifts.length === 0 ? "No network has batch norm." : "There is no unit whose variance could be compared."}`;
  }
  return joined([
    lead,
    shiftWords(known, directly),
    theoryWords(known),
    shared ? "Measured with a mask for each example, though the run has one for each mini-batch." : null,
    step > 0 ? harmWords(losses) : null,
  ]);
}

/** How far from 1 a ratio is, whichever way. @param {number} ratio */
export const size = (ratio) => Math.max(ratio, 1 / ratio);

/** @param {number} ratio */
export const formatRatio = (ratio) => (ratio < 9.995 ? ratio.toFixed(2) : ratio.toFixed(1));

/**
 * @param {Shift[]} shifts At least one.
 * @param {boolean} directly
 */
function shiftWords(shifts, directly) {
  const where = directly ? "with dropout directly before batch norm" : "with a layer between dropout and batch norm";
  const most = shifts.reduce((one, other) => (size(other.ratio) > size(one.ratio) ? other : one));
  if (size(most.ratio) < SHIFTED) {
    return `What enters batch norm varies as much in training as in evaluation, ${where}: no median over the units of a layer is more than a tenth off.`;
  }
  return (
    `What enters batch norm varies ${formatRatio(most.ratio)} times as much in training as in evaluation in ${layerLabel(most.layer)} of ` +
    `${quoted(most.name)} (median over its units), ${where}${shifts.length > 1 ? "; elsewhere it is less shifted" : ""}.`
  );
}

/** @param {Shift[]} shifts */
function theoryWords(shifts) {
  const told = shifts.filter(({ theory }) => theory > 1.001);
  if (told.length === 0) {
    return null;
  }
  const most = told.reduce((one, other) => (other.theory > one.theory ? other : one));
  const off = Math.max(...told.map(({ ratio, theory }) => Math.abs(ratio / theory - 1)));
  const fit =
    told.length > 1 ? ` All ${formatCount(told.length)} measured ratios are within ${formatPercent(off)} of it.` : "";
  return `1 + p/(1 − p) · E[x²]/Var[x] says ${formatRatio(most.theory)} for ${quoted(most.name)}, where ${formatRatio(most.ratio)} was measured.${fit}`;
}

/**
 * Whether the shift can be seen to do harm: networks that are shifted against the one that is shifted least.
 * @param {VarianceReading["losses"]} losses
 */
function harmWords(losses) {
  const known = losses.filter(({ shift, val }) => Number.isFinite(shift) && Number.isFinite(val));
  const ordered = [...known].sort((one, other) => size(one.shift) - size(other.shift));
  const [calm, ...others] = ordered;
  const shifted = others.filter(({ shift }) => size(shift) >= SHIFTED);
  if (!calm || shifted.length === 0 || size(calm.shift) >= SHIFTED) {
    return null;
  }
  const worse = shifted.filter(({ val }) => order("val_loss", val, calm.val, 1) === "higher");
  const last = shifted[(worse.length > 0 ? shifted.indexOf(worse[0]) : shifted.length) - 1];
  const against = `${formatLoss(calm.val)} of ${quoted(calm.name)}, which is not shifted`;
  return joined([
    last
      ? `Up to the ratio of ${formatRatio(last.shift)} of ${quoted(last.name)} no harm can be seen: a validation loss of ${formatLoss(last.val)}, against ${against}${last.val > calm.val ? " (too close to tell apart)" : ""}.`
      : null,
    worse.length > 0
      ? `${listed(worse)} ${worse.length > 1 ? "have" : "has"} a validation loss${lossesOf(worse)} above ${last ? "it" : `the ${against}`}: by the shift or by the rate itself, this picture cannot tell.`
      : null,
  ]);
}

/** @param {{ val: number }[]} lanes Ordered by their shift. */
function lossesOf(lanes) {
  const values = lanes.map(({ val }) => val);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return lanes.length > 1 ? ` (${formatLoss(low)} to ${formatLoss(high)})` : ` of ${formatLoss(low)},`;
}
