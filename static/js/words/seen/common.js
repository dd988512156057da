// What the paragraphs share: figures by name, comparisons that know what chance can do, and what became of a guess.

/** @import { Measure } from "../../outcome.js" */
/** @import { Experiment } from "../../types.js" */

import { MEASURES, toldApart, winner } from "../../outcome.js";
import { formatLoss, formatTimes } from "../../stats.js";
import { quoted } from "../common.js";
import { namesOrCount } from "../lists.js";
import { figure } from "../result.js";

/**
 * All that a paragraph is written from.
 * @typedef {object} SeenReading
 * @property {Experiment} experiment
 * @property {number} step Of the figures.
 * @property {number} goal
 * @property {number} seed
 * @property {number} evaluations Of how many the figures are the mean.
 * @property {string[]} names Of the lanes.
 * @property {number[]} loss Validation loss of each lane, as all of these the mean of the last evaluations.
 * @property {number[]} accuracy
 * @property {number[]} trainLoss
 * @property {number[]} trainAccuracy
 * @property {number[]} best The lowest validation loss so far.
 * @property {number[]} bestStep
 * @property {number} valSize
 * @property {number} noise Share of the training labels that are wrong.
 * @property {number | "skipped" | null} guess
 * @property {boolean} isAsPlanned Whether all but the seed is as the experiment has it, and no knob was moved.
 * @property {Record<string, number[]>} facts What the views found, by `<kind>/<tensor>`, and `reached/<level>`, `shape/<kind>`.
 * @property {*} search The run state's.
 */

/**
 * What one experiment has to say, and which figures of other seeds it can be put beside.
 * @typedef {object} Writer
 * @property {(reading: SeenReading) => string} write
 * @property {(reading: SeenReading) => [string, number][]} [figures] By their label, in the unit of the figures of other seeds.
 */

/** Said wherever the numbers do not bear a claim out. */
export const NOT_SHOWN = "this run does not show it";

/**
 * @param {SeenReading} reading
 * @param {number} lane
 */
export const nameOf = ({ names }, lane) => quoted(names[lane]);

/**
 * A name with its validation loss.
 * @param {SeenReading} reading
 * @param {number} lane
 */
export const withLoss = (reading, lane) => `${nameOf(reading, lane)} (${formatLoss(reading.loss[lane])})`;

/**
 * A name with its validation accuracy.
 * @param {SeenReading} reading
 * @param {number} lane
 */
export const withAccuracy = (reading, lane) =>
  `${nameOf(reading, lane)} (${figure("val_accuracy", reading.accuracy[lane])})`;

/**
 * How two lanes compare.
 * @param {SeenReading} reading
 * @param {Measure} measure
 * @param {number} one
 * @param {number} other
 * @returns {"lower" | "alike" | "higher" | "unknown"} Of `one`, against `other`.
 */
export function compared(reading, measure, one, other) {
  const values = valuesOf(reading, measure);
  if (!Number.isFinite(values[one]) || !Number.isFinite(values[other])) {
    return "unknown";
  }
  if (!toldApart(measure, values[one], values[other], reading.valSize)) {
    return "alike";
  }
  return values[one] < values[other] ? "lower" : "higher";
}

/**
 * @param {SeenReading} reading
 * @param {Measure} measure
 */
export function valuesOf({ loss, accuracy, facts, names }, measure) {
  const series = {
    val_loss: loss,
    val_accuracy: accuracy,
    val_error: accuracy.map((share) => 1 - share),
    forgotten: facts["forgotten/lost"] ?? names.map(() => Number.NaN),
  };
  return series[measure];
}

/**
 * The lanes too close to one to be told from it.
 * @param {SeenReading} reading
 * @param {Measure} measure
 * @param {number} best
 * @param {number[]} [lanes] Which count; all if there are none.
 */
export function ties(reading, measure, best, lanes = []) {
  const eligible = lanes.length > 0 ? lanes : [...reading.names.keys()];
  return eligible.filter((lane) => lane !== best && compared(reading, measure, lane, best) === "alike");
}

/**
 * Some lanes by name, or by number if there are many.
 * @param {SeenReading} reading
 * @param {number[]} lanes
 */
export const listedLanes = ({ names }, lanes) => namesOrCount(lanes.map((lane) => names[lane]));

/**
 * “1.5 times”, or that two are about the same.
 * @param {number} ratio
 */
export const times = (ratio) => `${formatTimes(ratio)} times`;

/**
 * What became of the guess, with the numbers.
 * @param {SeenReading} reading
 * @returns {string | null}
 */
export function guessVerdict(reading) {
  const { guess, experiment, step, goal } = reading;
  if (typeof guess !== "number" || !experiment.guess || !reading.names[guess]) {
    return null;
  }
  const { measure: given, best, lanes } = experiment.guess;
  const measure = /** @type {Measure} */ (given);
  const values = valuesOf(reading, measure);
  const first = winner(values, best, lanes);
  if (first < 0) {
    return "Your guess cannot be judged: there is no figure to judge it by yet.";
  }
  const told = (/** @type {number} */ lane) => `${nameOf(reading, lane)}, ${figure(measure, values[lane])}`;
  const what = `the ${best === "least" ? "lowest" : "highest"} ${MEASURES[measure].name}`;
  const close = ties(reading, measure, first, lanes);
  const sofar = step < goal ? "So far your" : "Your";
  if (guess === first) {
    return close.length === 0
      ? `${sofar} guess is right: ${told(guess)}, is ${what}.`
      : `${sofar} guess, ${told(guess)}, is ${what}, but ${listedLanes(reading, close)} ${close.length > 1 ? "are" : "is"} too close to tell apart: a tie.`;
  }
  return close.includes(guess)
    ? `${sofar} guess, ${told(guess)}, is too close to ${what}, ${told(first)}, to tell apart: a tie.`
    : `${sofar} guess, ${told(guess)}, is not ${what}: that is ${told(first)}.`;
}

/**
 * Which lane is best, by how much, and which are as good.
 * @param {SeenReading} reading
 * @param {Measure} measure
 */
export function bestWords(reading, measure) {
  const { best, name } = MEASURES[measure];
  const values = valuesOf(reading, measure);
  const first = winner(values, best);
  if (first < 0) {
    return "No network has a finite figure: nothing can be said.";
  }
  const close = ties(reading, measure, first);
  const lead = `${best === "least" ? "The lowest" : "The highest"} ${name} is that of ${nameOf(reading, first)}, ${figure(measure, values[first])}`;
  return close.length > 0
    ? `${lead}; ${listedLanes(reading, close)} cannot be told from it.`
    : `${lead}, apart from all others.`;
}
