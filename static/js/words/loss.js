// What the chart of losses shows, in words.

/** @import { LaneFigures } from "../model/verdict.js" */

import { formatCount, formatLoss, formatTimes } from "../model/stats.js";
import { compare } from "../model/verdict.js";
import { evaluationsWords, joined, listed, quoted } from "./common.js";
import { verdictWords } from "./verdict.js";

/**
 * The losses of one lane.
 * @typedef {object} LaneLoss
 * @property {string} name
 * @property {boolean} dropout Whether any of its rates is above zero.
 * @property {boolean} batchNorm
 * @property {number} train In eval mode, as all but `masked`.
 * @property {number} val At the last evaluation.
 * @property {number} [figure] What it is compared by: the mean of the last evaluations.
 * @property {number} best The lowest validation loss so far.
 * @property {number} bestStep
 * @property {number} trainAtBest
 * @property {number} masked Training loss with masks on, averaged over the last steps; NaN before the first.
 * @property {number | null} diverged The step by which a loss was no longer finite.
 * @property {string | null} [cause] After which change it diverged, once that is known: it then diverged at that very step.
 * @property {number | null} [good] The last step before, if the run can go on otherwise from there.
 * @property {number} [highest] The highest number of its lines.
 * @property {boolean} [unbalanced] Whether it drops without any scaling.
 * @property {{ step: number, words: string, isRuns: boolean, val: number, isNew: boolean } | null} [turned] The newest change,
 *   what the validation loss was then, and whether nothing was measured since.
 * @property {{ step: number, bestStep: number, bestLoss: number } | null} [stopped] Where early stopping froze it.
 */

const RISEN = 1.2; // a validation loss this many times its best has risen beyond the wobble between two evaluations
const NEAR_BEST = 1.05; // and within this one a network is still about at its best

/**
 * The numbers of which the sentence speaks.
 * @typedef {object} LossReading
 * @property {number} step
 * @property {number} [evaluations] Of how many a figure is the mean.
 * @property {LaneLoss[]} lanes
 * @property {number} ceiling Where the axis ends.
 * @property {{ words: string | null, isAlike: boolean }} [apart] In what the networks differ beyond their live knobs.
 * @property {number | null} [fork] Of a fork whose parent went on further: how many steps both have in common.
 */

/** @param {LossReading | null} reading `null` before the first evaluation. */
export function lossSentence(reading) {
  if (reading === null || reading.lanes.length === 0) {
    return "No loss has been measured yet.";
  }
  const { step, evaluations = 1, lanes, ceiling, apart = { words: null, isAlike: true }, fork = null } = reading;
  const sound = lanes.filter((lane) => lane.diverged === null);
  const above = sound.filter((lane) => Math.max(lane.val, lane.train) > ceiling);
  return joined([
    `Step ${formatCount(step)}${sound.length > 1 ? evaluationsWords(evaluations) : ""}.`,
    divergedWords(lanes),
    turnedWords(sound),
    sound.length > 2 ? manyLosses(step, sound, apart.isAlike) : fewLosses(step, sound, apart.isAlike),
    stoppedWords(sound),
    unscaledWords(sound),
    sound.length > 1 ? apart.words : null,
    beyondWords(lanes, above, ceiling),
    fork === null ? null : `Dotted: the run that this one goes on from, after step ${formatCount(fork)}.`,
  ]);
}

/**
 * What came of the newest change.
 * @param {LaneLoss[]} lanes
 */
function turnedWords(lanes) {
  const newest = Math.max(...lanes.map(({ turned }) => turned?.step ?? -1));
  const changed = lanes.filter(({ turned }) => turned?.step === newest);
  if (newest < 0 || changed.length === 0 || changed.length > 2) {
    return null;
  }
  const [{ turned }] = changed;
  const since = `Since step ${formatCount(newest)} (${turned?.isRuns ? "" : `${quoted(changed[0].name)}: `}${turned?.words})`;
  if (!turned || turned.isNew || changed.some((lane) => !Number.isFinite(lane.turned?.val))) {
    return `${since} nothing has been measured yet.`;
  }
  const each = changed.map(({ name, val, turned: own }) => {
    const [from, to] = [formatLoss(own?.val ?? 0), formatLoss(val)];
    const course = from === to ? `stayed at ${to}` : `${val < (own?.val ?? 0) ? "fell" : "rose"} from ${from} to ${to}`;
    return `${turned.isRuns ? `that of ${quoted(name)}` : "its validation loss"} ${course}`;
  });
  return `${since} ${turned.isRuns ? "the validation loss changed: " : ""}${each.join(", ")}.`;
}

/**
 * What lies beyond the end of the axis, now and before.
 * @param {LaneLoss[]} lanes
 * @param {LaneLoss[]} above Those that are beyond it now.
 * @param {number} ceiling
 */
function beyondWords(lanes, above, ceiling) {
  const before = lanes.filter((lane) => !above.includes(lane) && (lane.highest ?? 0) > ceiling);
  const top = (/** @type {LaneLoss[]} */ those) =>
    formatLoss(Math.max(...those.map(({ highest = 0, val, train }) => Math.max(highest, val || 0, train || 0))));
  const parts = [
    above.length > 0 ? `${listed(above)} ${above.length > 1 ? "are" : "is"} above it` : null,
    before.length > 0 ? `${listed(before)} ${before.length > 1 ? "were" : "was"} above it, up to ${top(before)}` : null,
  ].filter(Boolean);
  return parts.length > 0 ? `The axis ends at ${formatLoss(ceiling)}: ${parts.join("; ")}.` : null;
}

/** @param {{ name: string, diverged: number | null, cause?: string | null, good?: number | null }[]} lanes */
function divergedWords(lanes) {
  const gone = lanes.filter((lane) => lane.diverged !== null);
  const good = Math.min(...gone.flatMap((lane) => (lane.good ? [lane.good] : [])));
  const back = Number.isFinite(good) ? `, or look back to step ${formatCount(good)} and choose “Go on from here”` : "";
  const advice = gone.some(({ cause }) => cause) ? `A lower learning rate may help: reset${back}.` : null;
  if (gone.length > 3) {
    const many = `${formatCount(gone.length)} of ${formatCount(lanes.length)} networks diverged: their losses are no longer finite numbers.`;
    return joined([many, advice]);
  }
  return joined([
    ...gone.map(({ name, diverged, cause }) => {
      const when = cause ? `at step ${formatCount(diverged ?? 0)} ${cause}` : `by step ${formatCount(diverged ?? 0)}`;
      return `${quoted(name)} diverged ${when}: its loss is no longer a finite number.`;
    }),
    advice,
  ]);
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
  const wrong = lanes.filter(({ unbalanced }) => unbalanced);
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
  const [low, high] = [...lanes].sort((one, other) => figureOf(one) - figureOf(other));
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

/** What a network is compared by. @param {LaneLoss} lane */
const figureOf = ({ figure, val }) => figure ?? val;

/** @param {LaneLoss[]} lanes @returns {LaneFigures} */
const figuresOf = (lanes) => ({ measure: "val_loss", values: lanes.map(figureOf), valSize: 1 });

/**
 * @param {number} step
 * @param {LaneLoss} low
 * @param {LaneLoss} high
 * @param {boolean} isAlike
 */
function compareLosses(step, low, high, isAlike) {
  const [least, most] = [formatLoss(figureOf(low)), formatLoss(figureOf(high))];
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
  if (compare(figuresOf([low, high]), 1, 0) === "alike") {
    return `The validation losses are too close to tell apart: ${least} for ${quoted(low.name)}, ${most} for ${quoted(high.name)}.`;
  }
  if (high.dropout && !low.dropout) {
    return behind(low, high);
  }
  return `${quoted(high.name)} has ${formatTimes(figureOf(high) / figureOf(low))} times the validation loss of ${quoted(low.name)}: ${most} against ${least}.`;
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
    `So far dropout looks worse: a validation loss of ${formatLoss(figureOf(high))} against ${formatLoss(figureOf(low))} without.`,
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
  if (!hasRisen(lane) || (lane.turned && lane.turned.step >= lane.bestStep)) {
    // the change may be why
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
  return `The same weights of ${quoted(lane.name)} have a training loss of about ${formatLoss(lane.masked)} with dropout and ${formatLoss(lane.train)} without.`;
}

/** @param {LaneLoss[]} lanes */
function batchNormWords(lanes) {
  const normed = lanes.filter(({ batchNorm }) => batchNorm);
  return normed.length > 0
    ? `While training, batch norm (${listed(normed)}) uses each mini-batch's statistics; the other two lines use running ones.`
    : null;
}

/**
 * @param {number} step
 * @param {LaneLoss[]} lanes More than two.
 * @param {boolean} isAlike
 */
function manyLosses(step, lanes, isAlike) {
  const all = lanes.map(figureOf);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const risen = lanes.filter((lane) => hasRisen(lane) && lane.train < lane.trainAtBest);
  if (formatLoss(low) === formatLoss(high)) {
    const why = step === 0 && isAlike ? ", as they start from the same weights" : "";
    return `All ${formatCount(lanes.length)} networks have a validation loss of ${formatLoss(low)}${why}.`;
  }
  return joined([
    verdictWords(
      figuresOf(lanes),
      lanes.map(({ name }) => name),
    ),
    risen.length > 0
      ? `${formatCount(risen.length)} of ${formatCount(lanes.length)} networks overfit: their validation loss has risen to at least ${RISEN} times its best while their training loss fell.`
      : null,
  ]);
}
