// What a search tried and found, in words.

/** @import { readSearch, Trial } from "../model/candidates.js" */

import { formatCount, formatLoss, formatPercent } from "../model/stats.js";
import { capital, joined } from "./common.js";
import { ruleWords } from "./verdict.js";

const LABELS = { input: "input rate", hidden: "hidden rate", learning_rate: "learning rate" };

/**
 * A rate or a learning rate without needless digits: 0.2, 0.0005.
 * @param {number} value
 */
export function shownRate(value) {
  return value === 0 ? "0" : value < 1e-6 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}

/**
 * A candidate: “nothing dropped, learning rate 0.002”.
 * @param {Trial} trial
 */
export function trialWords([input, hidden, rate]) {
  const dropped =
    input === 0 && hidden === 0
      ? "nothing dropped"
      : `input rate ${shownRate(input)}, hidden rate ${shownRate(hidden)}`;
  return `${dropped}, learning rate ${shownRate(rate)}`;
}

/**
 * @param {ReturnType<typeof readSearch> | null} reading `null`: this run is no search.
 */
export function searchSentence(reading) {
  if (reading === null) {
    return "This run searches nothing. A search trains many candidates side by side and finds out which rates go together best.";
  }
  const { total, done, training, diverged, best } = reading;
  if (done === 0) {
    return training === total
      ? `${count(total, "candidate")} ${total === 1 ? "is" : "are"} being trained; none is done yet.`
      : `The first ${formatCount(training)} of ${formatCount(total)} candidates are being trained; none is done yet.`;
  }
  if (!best) {
    const who =
      total === 1 ? "The only candidate" : `${done === total ? "All" : "The first"} ${count(done, "candidate")}`;
    return `${who} diverged: there is no validation loss to compare.`;
  }
  const isDone = done === total;
  return joined([
    headWords(reading),
    `${trialWords(best.values)}: ${reading.total === 1 ? "validation loss " : ""}${formatLoss(best.val_loss)}${accuracyWords(best.val_accuracy)}.`,
    nearWords(reading),
    reading.without === null
      ? null
      : `The best without any dropout has ${formatLoss(reading.without)}${isDone ? "" : " so far"}.`,
    diverged > 0 ? `${count(diverged, "candidate")} diverged.` : null,
    edgeWords(reading.edges),
    done > 1
      ? "It was chosen by the validation set that judges it, so its loss is a little too good to be true."
      : null,
  ]);
}

/** @param {ReturnType<typeof readSearch>} reading */
function headWords({ total, done }) {
  if (total === 1) {
    return "The only candidate is the one with";
  }
  return done === total
    ? `Of ${formatCount(total)} candidates the lowest validation loss has the one with`
    : `${formatCount(done)} of ${formatCount(total)} candidates are done. The lowest validation loss so far has the one with`;
}

/** @param {number | null} share */
function accuracyWords(share) {
  return share === null ? "" : `, accuracy ${formatPercent(share)}`;
}

/** @param {ReturnType<typeof readSearch>} reading */
function nearWords({ near, done, diverged }) {
  const others = near - 1;
  const rule = ruleWords({ measure: "val_loss", valSize: 1 });
  if (done - diverged < 2) {
    return null;
  }
  if (others === 0) {
    return `No other is too close to tell apart (${rule}).`;
  }
  const who = others === 1 ? "One other is" : `${formatCount(others)} others are`;
  return `${who} too close to tell apart (${rule}), so no single best one can be named.`;
}

/** @param {ReturnType<typeof readSearch>["edges"]} edges */
function edgeWords(edges) {
  if (edges.length === 0) {
    return null;
  }
  const which = edges.map(({ axis, end }) => `its ${LABELS[axis]} is the ${end}`).join(" and ");
  return `${capital(which)} that was tried: there may be better ones beyond.`;
}

/**
 * How far a search has come.
 * @param {object} progress
 * @param {number} progress.done
 * @param {number} progress.total
 * @param {number} progress.batchNumber
 * @param {number} progress.batches
 * @param {number} progress.step Of the present batch.
 * @param {number} progress.steps
 * @param {boolean} progress.playing
 * @param {number | null} progress.secondsLeft
 */
export function progressWords({ done, total, batchNumber, batches, step, steps, playing, secondsLeft }) {
  if (done === total) {
    return `All ${count(total, "candidate")} done.`;
  }
  const where = batches > 1 ? `batch ${formatCount(batchNumber)} of ${formatCount(batches)}, ` : "";
  const time = !playing
    ? "stopped"
    : secondsLeft === null
      ? "measuring the time left"
      : `${timeWords(secondsLeft)} left`;
  return `${formatCount(done)} of ${count(total, "candidate")} done; ${where}step ${formatCount(step)} of ${formatCount(steps)}; ${time}.`;
}

/**
 * A time to be waited, no more exact than it can be known.
 * @param {number} seconds
 */
export function timeWords(seconds) {
  if (seconds < 5) {
    return "a few seconds";
  }
  if (seconds < 55) {
    return `about ${Math.ceil(seconds / 5) * 5} s`;
  }
  if (seconds < 3300) {
    return `about ${Math.ceil(seconds / 60)} min`;
  }
  return `about ${formatCount(Math.ceil(seconds / 3600))} h`;
}

/**
 * One candidate of the picture: what it is, and what came of it.
 * @param {Trial} trial
 * @param {"done" | "training" | "waiting"} state
 * @param {{ val_loss: number | null, val_accuracy?: number | null, best_val_loss?: number | null, best_step?: number | null } | null} found
 */
export function candidateWords(trial, state, found) {
  const name = trialWords(trial);
  if (state === "waiting" || !found) {
    return `${name}: ${state === "waiting" ? "not trained yet" : "being trained"}`;
  }
  if (state === "training") {
    return `${name}: being trained, validation loss ${formatLoss(found.val_loss ?? Number.NaN)} now`;
  }
  if (found.val_loss === null) {
    return `${name}: diverged`;
  }
  const lowest =
    found.best_val_loss == null
      ? ""
      : `, least ${formatLoss(found.best_val_loss)} at step ${formatCount(found.best_step ?? 0)}`;
  return `${name}: validation loss ${formatLoss(found.val_loss)}${accuracyWords(found.val_accuracy ?? null)}${lowest}`;
}

/**
 * @param {number} number
 * @param {string} thing
 */
function count(number, thing) {
  return `${formatCount(number)} ${thing}${number === 1 ? "" : "s"}`;
}
