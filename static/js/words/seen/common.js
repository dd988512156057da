// What the paragraphs share: figures by name, comparisons that know what chance can do, and what became of a guess.

/** @import { LaneFigures, Measure, Order } from "../../model/verdict.js" */
/** @import { Columns } from "../../state/columns.js" */
/** @import { Experiment, ScoreName } from "../../types.js" */

import { formatLoss, formatTimes } from "../../model/stats.js";
import { compare, judge, lostAccuracy, MEASURES } from "../../model/verdict.js";
import { quoted } from "../common.js";
import { namesOrCount } from "../lists.js";
import { figure, rangeOf, verdictWords } from "../verdict.js";

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
 * @property {Columns<ScoreName>} scores All evaluations that the page has.
 * @property {({ best_step: number } | null)[]} stopped When early stopping froze each lane.
 * @property {boolean} isAsPlanned Whether all but the seed is as the experiment has it, and no knob was moved.
 * @property {Record<string, number[]>} facts What the views found, by `<kind>/<tensor>`, and `reached/<level>`.
 * @property {*} search The run state's.
 */

/**
 * Figures of a run by their ids (`trainer/presets/expected.json`), each in the unit that it has there. One that there is not, or
 * not yet, is left out or no finite number.
 * @typedef {Record<string, number | undefined>} Figures
 */

/**
 * What one experiment has to say, and which figures of other seeds it can be put beside.
 * @typedef {object} Writer
 * @property {(reading: SeenReading) => string} write
 * @property {(reading: SeenReading) => Figures} figures
 */

/**
 * Final validation loss and accuracy of every lane, by its name.
 * @param {SeenReading} reading
 * @returns {Figures}
 */
export function laneFigures({ names, loss, accuracy }) {
  return Object.fromEntries(
    names.flatMap((name, lane) => [
      [`val_loss/${name}`, loss[lane]],
      [`val_accuracy/${name}`, 100 * accuracy[lane]],
    ]),
  );
}

/** What a run was evaluated at once every so many steps. */
const EVERY = 25;

/**
 * What a lane was evaluated to at a step; NaN where that evaluation is not there.
 * @param {SeenReading} reading
 * @param {ScoreName} name
 * @param {number} lane
 * @param {number} step
 */
export function scoreAt({ scores }, name, lane, step) {
  for (let row = scores.length - 1; row >= 0; row -= 1) {
    if (scores.step[row] === step) {
      return scores[name][lane][row];
    }
  }
  return Number.NaN;
}

/**
 * Whether every evaluation from the first to the newest step is there: else the lowest of them may be missing.
 * @param {SeenReading} reading
 */
export function isWhole({ scores, step }) {
  let at = step;
  for (let row = scores.length - 1; row >= 0 && at > EVERY; row -= 1) {
    if (at - scores.step[row] > EVERY) {
      return false;
    }
    at = scores.step[row];
  }
  return at <= EVERY;
}

/**
 * From which step on the loss of one lane stays more than so many times that of another; NaN if it does not end so, or if not every
 * evaluation on the way is there.
 * @param {SeenReading} reading
 * @param {number} one
 * @param {number} other
 * @param {number} times
 */
export function aboveFrom(reading, one, other, times) {
  const { scores } = reading;
  let from = Number.NaN;
  if (!isWhole(reading)) {
    return from;
  }
  for (let row = scores.length - 1; row >= 0 && scores.step[row] > 0; row -= 1) {
    if (!(scores.val_loss[one][row] > times * scores.val_loss[other][row])) {
      return from;
    }
    from = scores.step[row];
  }
  return from;
}

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
 * @returns {Order} Of `one`, against `other`.
 */
export const compared = (reading, measure, one, other) => compare(figuresOf(reading, measure), one, other);

/**
 * The figures that lanes are judged by.
 * @param {SeenReading} reading
 * @param {Measure} measure
 * @returns {LaneFigures}
 */
export function figuresOf(reading, measure) {
  const { facts, valSize } = reading;
  return { measure, values: valuesOf(reading, measure), valSize, right: facts["forgotten/val_accuracy"] };
}

/**
 * What each lane loses in accuracy while training mode is left on.
 * @param {SeenReading["facts"]} facts
 */
export const lostIn = (facts) => lostAccuracy(facts["forgotten/val_accuracy"], facts["forgotten/forgotten_accuracy"]);

/**
 * @param {SeenReading} reading
 * @param {Measure} measure
 */
export function valuesOf({ loss, accuracy, facts, names }, measure) {
  const series = {
    val_loss: loss,
    val_accuracy: accuracy,
    val_error: accuracy.map((share) => 1 - share),
    forgotten: lostIn(facts) ?? names.map(() => Number.NaN),
  };
  return series[measure];
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
  const figures = figuresOf(reading, measure);
  const { values } = figures;
  const { first, leaders, isAlone } = judge(figures, lanes, best);
  if (first < 0) {
    return "Your guess cannot be judged: there is no figure to judge it by yet.";
  }
  const told = (/** @type {number} */ lane) => `${nameOf(reading, lane)}, ${figure(measure, values[lane])}`;
  const what = `the ${best === "least" ? "lowest" : "highest"} ${MEASURES[measure].name}`;
  const sofar = step < goal ? "So far your" : "Your";
  if (isAlone) {
    return guess === first
      ? `${sofar} guess is right: ${told(guess)}, is ${what}.`
      : `${sofar} guess, ${told(guess)}, is not ${what}: that is ${told(first)}.`;
  }
  return leaders.includes(guess)
    ? `${sofar} guess, ${told(guess)}, is one of ${leaders.length} that share ${what}: a tie.`
    : `${sofar} guess, ${told(guess)}, is not among those that share ${what}: ${listedLanes(reading, leaders)}, ${rangeOf(figures, leaders)}.`;
}

/**
 * Which lane is best, or which cannot be told apart.
 * @param {SeenReading} reading
 * @param {Measure} measure
 */
export const bestWords = (reading, measure) => verdictWords(figuresOf(reading, measure), reading.names);
