// What was seen of the rate: three curves, and a search.

/** @import { SeenReading, Writer } from "./common.js" */

import { LOSS_NOISE, winner } from "../../outcome.js";
import { formatCount, formatLoss, formatPercent, formatPlain } from "../../stats.js";
import { joined } from "../common.js";
import { enumerated } from "../lists.js";
import { compared, NOT_SHOWN, ties, times } from "./common.js";

/** @type {Writer} */
export const rate = { write: (reading) => joined([lowest(reading), shape(reading)]) };

/** @type {Writer} */
export const rateHiddenOnly = {
  write(reading) {
    const { loss } = reading;
    const half = at(reading, 0.5);
    const first = winner(loss, "least");
    return joined([lowest(reading), shape(reading), first >= 0 && half >= 0 ? halfWords(reading, half, first) : null]);
  },
};

/** @type {Writer} */
export const rateConstantWidth = {
  write(reading) {
    const x = ratesOf(reading);
    const first = winner(reading.loss, "least");
    const wall = x.length - 1;
    if (first < 0) {
      return lowest(reading);
    }
    const ends = compared(reading, "val_loss", wall, first);
    return joined([
      lowest(reading),
      ends === "higher"
        ? `At ${formatPlain(x[wall])} it is a wall again: ${formatLoss(reading.loss[wall])}, ${times(reading.loss[wall] / reading.loss[first])} as much.`
        : null,
      ends === "alike" ? `A wall at the highest rate: ${NOT_SHOWN}.` : null,
    ]);
  },
};

/** @param {SeenReading} reading */
const ratesOf = ({ experiment }) => experiment.picture?.x ?? [];

/**
 * @param {SeenReading} reading
 * @param {number} value
 */
const at = (reading, value) => ratesOf(reading).findIndex((each) => Math.abs(each - value) < 1e-6);

/** @param {SeenReading} reading */
function lowest(reading) {
  const { loss } = reading;
  const x = ratesOf(reading);
  const first = winner(loss, "least");
  if (first < 0) {
    return "No network has a finite loss: nothing can be said.";
  }
  const close = ties(reading, "val_loss", first);
  const rates = enumerated(close.map((lane) => formatPlain(x[lane])));
  const percent = Math.round(100 * (LOSS_NOISE - 1));
  return joined([
    `The lowest validation loss is ${formatLoss(loss[first])}, at a rate of ${formatPlain(x[first])}.`,
    close.length > 0
      ? `${rates} ${close.length > 1 ? "lie" : "lies"} within ${percent}% of it, which two seeds may differ by: no single best rate can be named.`
      : "No other rate lies close enough to be mistaken for it.",
  ]);
}

/** @param {SeenReading} reading */
function shape(reading) {
  const { loss } = reading;
  const x = ratesOf(reading);
  const first = winner(loss, "least");
  const last = x.length - 1;
  if (first < 0) {
    return null;
  }
  const left = compared(reading, "val_loss", 0, first) === "higher";
  const right = compared(reading, "val_loss", last, first) === "higher";
  const side = (/** @type {number} */ lane) =>
    `${formatLoss(loss[lane])} at ${formatPlain(x[lane])} (${times(loss[lane] / loss[first])})`;
  if (left && right) {
    return `The curve is a U: it rises to ${side(0)} on one side and ${side(last)} on the other.`;
  }
  if (!left && !right) {
    return `A U would rise at both ends: ${NOT_SHOWN}.`;
  }
  return `It rises clearly at one end only, to ${side(left ? 0 : last)}: of a U this run shows one half.`;
}

/**
 * @param {SeenReading} reading
 * @param {number} half
 * @param {number} first
 */
function halfWords(reading, half, first) {
  const { loss } = reading;
  return compared(reading, "val_loss", half, first) === "higher"
    ? `The usual 0.5 still overfits without input dropout: ${formatLoss(loss[half])}, ${times(loss[half] / loss[first])} the lowest.`
    : `The usual 0.5, at ${formatLoss(loss[half])}, cannot be told from the lowest; that it is not enough without input dropout, this run does not show.`;
}

/** @type {Writer} */
export const search = {
  write({ search: state }) {
    /** @type {{ trial: number, val_loss: number, val_accuracy: number }[]} */
    const results = (state?.results ?? []).filter((/** @type {*} */ each) => Number.isFinite(each.val_loss));
    if (results.length === 0) {
      return "No candidate has been trained to its end yet.";
    }
    const [first] = [...results].sort((one, other) => one.val_loss - other.val_loss);
    const [input, hidden, learning] = state.trials[first.trial];
    const close = results.filter(({ val_loss: loss }) => loss <= LOSS_NOISE * first.val_loss).length - 1;
    const plain = results.filter(({ trial }) => state.trials[trial][0] === 0 && state.trials[trial][1] === 0);
    const least = Math.min(...plain.map(({ val_loss: loss }) => loss));
    const done =
      results.length < state.trials.length
        ? `Of the ${formatCount(results.length)} candidates tried so far`
        : `Of ${formatCount(results.length)} candidates`;
    return joined([
      `${done} the best has an input rate of ${formatPlain(input)}, a hidden rate of ${formatPlain(hidden)} and a learning rate of ${formatRate(learning)}: a validation loss of ${formatLoss(first.val_loss)}, ${formatPercent(first.val_accuracy)} right.`,
      close > 0
        ? `${formatCount(close)} more ${close > 1 ? "lie" : "lies"} within ${Math.round(100 * (LOSS_NOISE - 1))}% of it, which two seeds may differ by.`
        : null,
      plain.length > 0
        ? `Without any dropout the best is ${formatLoss(least)}${least > LOSS_NOISE * first.val_loss ? `, ${times(least / first.val_loss)} as much` : ": dropout should be better, and this run does not show it"}.`
        : null,
    ]);
  },
};

/** @param {number} rate */
const formatRate = (rate) => String(Number(rate.toPrecision(2)));
