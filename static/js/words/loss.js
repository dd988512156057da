// What the chart of losses shows, in words.

import { formatCount, formatLoss, formatTimes } from "../stats.js";
import { joined, listed, quoted } from "./common.js";

/**
 * The losses of one lane.
 * @typedef {object} LaneLoss
 * @property {string} name
 * @property {boolean} dropout Whether any of its rates is above zero.
 * @property {boolean} batchNorm
 * @property {number} train In eval mode, as all but `masked`.
 * @property {number} val
 * @property {number} best The lowest validation loss so far.
 * @property {number} bestStep
 * @property {number} trainAtBest
 * @property {number} masked Training loss with masks on, averaged over the last steps; NaN before the first.
 * @property {number | null} diverged The step by which a loss was no longer finite.
 * @property {boolean} [unscaled] Whether it drops without any scaling.
 * @property {{ step: number, bestStep: number, bestLoss: number } | null} [stopped] Where early stopping froze it.
 */

const RISEN = 1.2; // a validation loss this many times its best has risen beyond the wobble between two evaluations
const CLOSE = 1.1; // losses within this ratio are called close
const NEAR_BEST = 1.05; // and within this one a network is still about at its best

/**
 * The numbers of which the sentence speaks.
 * @typedef {object} LossReading
 * @property {number} step
 * @property {LaneLoss[]} lanes
 * @property {number} ceiling Where the axis ends.
 * @property {{ words: string | null, isAlike: boolean }} [apart] In what the networks differ beyond their live knobs.
 */

/** @param {LossReading | null} reading `null` before the first evaluation. */
export function lossSentence(reading) {
  if (reading === null || reading.lanes.length === 0) {
    return "No loss has been measured yet.";
  }
  const { step, lanes, ceiling, apart = { words: null, isAlike: true } } = reading;
  const sound = lanes.filter((lane) => lane.diverged === null);
  const above = sound.filter((lane) => Math.max(lane.val, lane.train) > ceiling);
  return joined([
    `Step ${formatCount(step)}.`,
    divergedWords(lanes),
    sound.length > 2 ? manyLosses(step, sound, apart.isAlike) : fewLosses(step, sound, apart.isAlike),
    stoppedWords(sound),
    unscaledWords(sound),
    sound.length > 1 ? apart.words : null,
    above.length > 0
      ? `The axis ends at ${formatLoss(ceiling)}: ${listed(above)} ${above.length > 1 ? "are" : "is"} above it.`
      : null,
  ]);
}

/** @param {{ name: string, diverged: number | null }[]} lanes */
function divergedWords(lanes) {
  const gone = lanes.filter((lane) => lane.diverged !== null);
  if (gone.length > 3) {
    return `${formatCount(gone.length)} of ${formatCount(lanes.length)} networks diverged: their losses are no longer finite numbers.`;
  }
  return joined(
    gone.map(
      ({ name, diverged }) =>
        `${quoted(name)} diverged by step ${formatCount(diverged ?? 0)}: its loss is no longer a finite number.`,
    ),
  );
}

/** @param {LaneLoss[]} lanes */
function stoppedWords(lanes) {
  const frozen = lanes.flatMap(({ name, stopped }) => (stopped ? [{ name, ...stopped }] : []));
  if (frozen.length > 2) {
    return `${formatCount(frozen.length)} of ${formatCount(lanes.length)} networks were stopped early and have the weights of their best step.`;
  }
  return joined(
    frozen.map(
      ({ name, step, bestStep, bestLoss }) =>
        `${quoted(name)} was stopped at ${formatCount(step)} and has the weights of ${formatCount(bestStep)}, its best step (${formatLoss(bestLoss)}); it learns no more.`,
    ),
  );
}

/** @param {LaneLoss[]} lanes */
function unscaledWords(lanes) {
  const wrong = lanes.filter(({ unscaled }) => unscaled);
  return wrong.length > 0
    ? `${listed(wrong)} ${wrong.length > 1 ? "drop" : "drops"} without scaling: in evaluation mode more arrives at every layer than was trained on.`
    : null;
}

/**
 * One network or two, by name.
 * @param {number} step
 * @param {LaneLoss[]} lanes
 * @param {boolean} isAlike Whether all start from the same weights.
 */
function fewLosses(step, lanes, isAlike) {
  if (lanes.length === 0) {
    return null;
  }
  if (lanes.length === 1) {
    const [{ name, train, val }] = lanes;
    return joined([
      `${quoted(name)} has a loss of ${formatLoss(val)} on validation and ${formatLoss(train)} on training data.`,
      overfitting(lanes[0]),
      maskedWords(lanes),
    ]);
  }
  const [low, high] = [...lanes].sort((one, other) => one.val - other.val);
  const rises = lanes.map(overfitting);
  const steady = lanes.find((lane, index) => !rises[index] && rises.some(Boolean) && lane.bestStep > 0);
  return joined([
    compareLosses(step, low, high, isAlike),
    ...rises,
    steady && steady.val <= NEAR_BEST * steady.best ? `${quoted(steady.name)} is still within 5% of its best.` : null,
    maskedWords(lanes),
    batchNormWords(lanes),
  ]);
}

/**
 * @param {number} step
 * @param {LaneLoss} low
 * @param {LaneLoss} high
 * @param {boolean} isAlike
 */
function compareLosses(step, low, high, isAlike) {
  const [least, most] = [formatLoss(low.val), formatLoss(high.val)];
  if (least === most) {
    const alike = formatLoss(low.train) === formatLoss(high.train);
    const why =
      step === 0 && isAlike
        ? ", as they start from the same weights"
        : alike && isAlike
          ? ", and their lines lie on one another"
          : "";
    return `Both networks have a validation loss of ${least}${why}.`;
  }
  if (high.dropout && !low.dropout) {
    return behind(low, high);
  }
  const ratio = high.val / low.val;
  if (ratio < CLOSE) {
    return `The validation losses are close: ${least} for ${quoted(low.name)}, ${most} for ${quoted(high.name)}.`;
  }
  return `${quoted(high.name)} has ${formatTimes(ratio)} times the validation loss of ${quoted(low.name)}: ${most} against ${least}.`;
}

/**
 * The lane with dropout has the higher loss.
 * @param {LaneLoss} low
 * @param {LaneLoss} high
 */
function behind(low, high) {
  const slower = high.train > low.train;
  const falling = high.bestStep > 0 && high.val <= high.best && !high.stopped;
  return joined([
    `So far dropout looks worse: a validation loss of ${formatLoss(high.val)} against ${formatLoss(low.val)} without.`,
    slower ? `It learns more slowly (training loss ${formatLoss(high.train)} against ${formatLoss(low.train)})` : null,
    slower && !falling ? "." : null,
    falling ? `${slower ? "and" : "But it"} is still getting better: this may yet turn.` : null,
  ]).replace(" .", ".");
}

/** @param {LaneLoss} lane */
function hasRisen({ val, best, bestStep }) {
  return bestStep > 0 && val >= RISEN * best;
}

/** @param {LaneLoss} lane */
function overfitting(lane) {
  if (!hasRisen(lane)) {
    return null;
  }
  const { name, train, val, best, bestStep, trainAtBest } = lane;
  const rise = `validation loss has risen to ${formatTimes(val / best)} times its best (${formatLoss(best)} at step ${formatCount(bestStep)})`;
  if (train >= trainAtBest) {
    return `The ${rise.replace("loss", `loss of ${quoted(name)}`)}.`;
  }
  return `${quoted(name)} overfits: its ${rise} while its training loss fell from ${formatLoss(trainAtBest)} to ${formatLoss(train)}.`;
}

/** @param {LaneLoss[]} lanes */
function maskedWords(lanes) {
  const lane = lanes.find(({ dropout, masked }) => dropout && Number.isFinite(masked));
  if (!lane) {
    return null;
  }
  return `The same weights of ${quoted(lane.name)} have a training loss of about ${formatLoss(lane.masked)} with masks on and ${formatLoss(lane.train)} without.`;
}

/** @param {LaneLoss[]} lanes */
function batchNormWords(lanes) {
  const normed = lanes.filter(({ batchNorm }) => batchNorm);
  return normed.length > 0
    ? `With masks on, batch norm (${listed(normed)}) uses each mini-batch's statistics; the other two lines use running ones.`
    : null;
}

/**
 * @param {number} step
 * @param {LaneLoss[]} lanes More than two.
 * @param {boolean} isAlike
 */
function manyLosses(step, lanes, isAlike) {
  const ordered = [...lanes].sort((one, other) => one.val - other.val);
  const [low, high] = [ordered[0], ordered[ordered.length - 1]];
  const risen = lanes.filter((lane) => hasRisen(lane) && lane.train < lane.trainAtBest);
  if (formatLoss(low.val) === formatLoss(high.val)) {
    const why = step === 0 && isAlike ? ", as they start from the same weights" : "";
    return `All ${formatCount(lanes.length)} networks have a validation loss of ${formatLoss(low.val)}${why}.`;
  }
  return joined([
    `Lowest validation loss: ${quoted(low.name)}, ${formatLoss(low.val)}; highest: ${quoted(high.name)}, ${formatLoss(high.val)},`,
    `${formatTimes(high.val / low.val)} times as high.`,
    risen.length > 0
      ? `${formatCount(risen.length)} of ${formatCount(lanes.length)} networks overfit: their validation loss has risen to at least ${RISEN} times its best while their training loss fell.`
      : null,
  ]);
}
