// What the picture of gradient noise shows, in words.

import { formatCount, formatLoss, formatPercent, formatTimes } from "../model/stats.js";
import { joined, listed, quoted } from "./common.js";

/**
 * The gradient of one network: lengths, in units of the loss for each unit of a weight.
 * @typedef {object} LaneGradient
 * @property {string} name
 * @property {number} norm Of the mean; 0 where it cannot be told from 0.
 * @property {number} noise Root mean square distance of one mini-batch from the mean.
 * @property {number} ratio Noise by norm; NaN where the norm is 0.
 * @property {number} masks Noise with one mini-batch and fresh masks.
 */

const FEW = 3;

/** @param {{ step: number, draws: number, lanes: LaneGradient[] } | null} reading `null` before the first look. */
export function gradientSentence(reading) {
  if (reading === null || reading.lanes.length === 0) {
    return "No gradient noise has been measured yet.";
  }
  const { step, draws, lanes } = reading;
  const sound = lanes.filter(({ noise, norm }) => Number.isFinite(noise) && Number.isFinite(norm));
  const clear = sound.filter(({ ratio }) => Number.isFinite(ratio));
  const lost = sound.filter(({ ratio }) => !Number.isFinite(ratio));
  const broken = lanes.filter((lane) => !sound.includes(lane));
  return joined([
    `Step ${formatCount(step)}, ${formatCount(draws)} fresh mini-batches and masks.`,
    broken.length > 0 ? `${listed(broken)} diverged: there is no gradient to measure.` : null,
    clear.length > FEW ? extremes(clear) : clear.map(distance).join(" "),
    lost.length > 0 ? `The mean gradient of ${listed(lost)} cannot be told from 0 with so few mini-batches.` : null,
    masksWords(sound),
  ]);
}

/** @param {LaneGradient} lane */
function distance({ name, noise, norm, ratio }) {
  return (
    `In ${quoted(name)} the gradient of one mini-batch is on average ${formatLoss(noise)} away from the mean, which is ` +
    `${formatLoss(norm)} long: ${formatTimes(ratio)} times its length.`
  );
}

/** @param {LaneGradient[]} lanes More than a few. */
function extremes(lanes) {
  const ordered = [...lanes].sort((one, other) => one.ratio - other.ratio);
  const [low, high] = [ordered[0], ordered[ordered.length - 1]];
  return (
    `One mini-batch is ${formatTimes(low.ratio)} times the length of the mean gradient away from it in ${quoted(low.name)}, ` +
    `the least of ${formatCount(lanes.length)}, and ${formatTimes(high.ratio)} times in ${quoted(high.name)}, the most.`
  );
}

/**
 * Which part of the noise is that of masks: squared distances of independent causes add up.
 * @param {LaneGradient[]} lanes
 */
function masksWords(lanes) {
  const masked = lanes.filter(({ masks }) => masks > 0);
  if (masked.length === 0) {
    return lanes.length > 0 ? "No masks are drawn, so all of it comes from which examples are in a mini-batch." : null;
  }
  if (masked.length > FEW) {
    const most = masked.filter((lane) => partOf(lane) > 0.5);
    return `Fresh masks alone make more than half of the squared noise in ${formatCount(most.length)} of the ${formatCount(masked.length)} networks that drop.`;
  }
  const parts = masked.map(
    (lane, index) => `${shareWords(partOf(lane))}${index > 0 ? "" : " of the squared noise"} in ${quoted(lane.name)}`,
  );
  return `Fresh masks on one and the same mini-batch make ${parts.join(" and ")}.`;
}

/** @param {LaneGradient} lane */
function partOf({ masks, noise }) {
  return (masks / noise) ** 2;
}

/** @param {number} part Estimated from another mini-batch than the whole, so that it can come out above 1. */
function shareWords(part) {
  return part > 0.95 ? "nearly all" : formatPercent(part);
}
