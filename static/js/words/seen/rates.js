// What was seen of the rate: three curves, and a search.

/** @import { SeenReading, Writer } from "./common.js" */

import { formatCount, formatLoss, formatPercent, formatPlain } from "../../model/stats.js";
import { extreme, judge, order } from "../../model/verdict.js";
import { joined } from "../common.js";
import { ruleWords } from "../verdict.js";
import { bestWords, compared, figuresOf, NOT_SHOWN, times } from "./common.js";

/** @type {Writer} */
const rate = {
  write: (reading) => joined([lowest(reading), shape(reading)]),
  figures(reading) {
    const middle = reading.loss[at(reading, 0.5)];
    const over = (/** @type {number} */ value) => reading.loss[at(reading, value)] / middle;
    return { ...rateFigures(reading), "ratio/0.2": over(0.2), "ratio/0.9": over(0.9) };
  },
};

/**
 * The final validation loss at each rate.
 * @param {SeenReading} reading
 */
const rateFigures = (reading) =>
  Object.fromEntries(ratesOf(reading).map((value, lane) => [`val_loss/p=${value}`, reading.loss[lane]]));

/** @type {Writer} */
const rateHiddenOnly = {
  write(reading) {
    const { loss } = reading;
    const half = at(reading, 0.5);
    const first = extreme(loss, "least");
    return joined([lowest(reading), shape(reading), first >= 0 && half >= 0 ? halfWords(reading, half, first) : null]);
  },
  figures: rateFigures,
};

/** @type {Writer} */
const rateConstantWidth = {
  write(reading) {
    const x = ratesOf(reading);
    const first = extreme(reading.loss, "least");
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
  figures: rateFigures,
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
  const { isAlone, first } = judge(figuresOf(reading, "val_loss"));
  return joined([bestWords(reading, "val_loss"), first < 0 || isAlone ? null : "So no single best rate can be named."]);
}

/** @param {SeenReading} reading */
function shape(reading) {
  const { loss } = reading;
  const x = ratesOf(reading);
  const first = extreme(loss, "least");
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
const search = {
  write({ search: state }) {
    /** @type {{ trial: number, val_loss: number, val_accuracy: number }[]} */
    const results = (state?.results ?? []).filter((/** @type {*} */ each) => Number.isFinite(each.val_loss));
    if (results.length === 0) {
      return "No candidate has been trained to its end yet.";
    }
    const [first] = [...results].sort((one, other) => one.val_loss - other.val_loss);
    const [input, hidden, learning] = state.trials[first.trial];
    const close =
      results.filter(({ val_loss: loss }) => order("val_loss", loss, first.val_loss, 1) === "alike").length - 1;
    const plain = results.filter(({ trial }) => state.trials[trial][0] === 0 && state.trials[trial][1] === 0);
    const least = Math.min(...plain.map(({ val_loss: loss }) => loss));
    const done =
      results.length < state.trials.length
        ? `Of the ${formatCount(results.length)} candidates tried so far`
        : `Of ${formatCount(results.length)} candidates`;
    return joined([
      `${done} the lowest validation loss has the one with an input rate of ${formatPlain(input)}, a hidden rate of ${formatPlain(hidden)} and a learning rate of ${formatRate(learning)}: ${formatLoss(first.val_loss)}, ${formatPercent(first.val_accuracy)} right.`,
      close > 0
        ? `${formatCount(close)} more ${close > 1 ? "are" : "is"} too close to tell apart (${ruleWords({ measure: "val_loss", valSize: 1 })}), so no single best one can be named.`
        : null,
      plain.length > 0
        ? `Without any dropout the best is ${formatLoss(least)}${order("val_loss", least, first.val_loss, 1) === "higher" ? `, ${times(least / first.val_loss)} as much` : ": dropout should be better, and this run does not show it"}.`
        : null,
    ]);
  },
  figures({ search: state }) {
    if (!state?.results || state.results.length < state.trials.length) {
      return {};
    }
    /** @type {number[]} */
    const losses = state.results.map((/** @type {*} */ { val_loss: loss }) => loss ?? Number.NaN);
    const place = state.results.findIndex((/** @type {*} */ { trial }) => isDefault(state.trials[trial]));
    const least = Math.min(...losses.filter(Number.isFinite));
    return { best_loss: least, default_loss: losses[place], best_ratio: least / losses[place] };
  },
};

/** Whether a candidate has the rates of the first experiment. @param {number[]} trial */
const isDefault = ([input, hidden, learning]) => input === 0.2 && hidden === 0.5 && learning === 0.002;

/** @param {number} rate */
const formatRate = (rate) => String(Number(rate.toPrecision(2)));

/** By the id of the experiment. @type {Record<string, Writer>} */
export const WRITERS = {
  rate,
  "rate-hidden-only": rateHiddenOnly,
  "rate-constant-width": rateConstantWidth,
  search,
};
