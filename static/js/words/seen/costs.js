// What was seen of what dropout costs: beside batch norm, and in time.

/** @import { SeenReading, Writer } from "./common.js" */

import { formatCount, formatLoss, formatPlain, formatTimes } from "../../model/stats.js";
import { joined } from "../common.js";
import { bestWords, compared, laneFigures, NOT_SHOWN, nameOf, scoreAt, times, withLoss } from "./common.js";

const [NEITHER, DROPOUT, NORM, BOTH] = [0, 1, 2, 3];

/** @type {Writer} */
const batchNorm = {
  write(reading) {
    const beside = compared(reading, "val_loss", BOTH, NORM);
    const second = compared(reading, "val_loss", BOTH, DROPOUT);
    const pair = `${withLoss(reading, BOTH)} against ${withLoss(reading, NORM)}`;
    return joined([
      {
        lower: `Beside batch norm dropout still helps: ${pair}.`,
        alike: `Whether dropout still helps beside batch norm cannot be told: ${pair}. It should with wrong labels, and ${NOT_SHOWN}.`,
        higher: `Beside batch norm dropout does harm here: ${pair}.`,
        unknown: "A loss is no finite number: nothing can be compared.",
      }[beside],
      {
        lower: `And batch norm helps beside dropout, whose loss alone is ${formatLoss(reading.loss[DROPOUT])}.`,
        alike: `Dropout alone (${formatLoss(reading.loss[DROPOUT])}) cannot be told from both.`,
        higher: `But dropout alone, ${formatLoss(reading.loss[DROPOUT])}, is better than both.`,
        unknown: null,
      }[second],
      `With neither it is ${formatLoss(reading.loss[NEITHER])}.`,
    ]);
  },
  figures: laneFigures,
};

const CLOSE_TO_THEORY = 0.05;

/** @type {Writer} Right behind dropout: the first hidden layer’s batch norm. */
const varianceShift = {
  write(reading) {
    const { ratio, theory } = shiftOf(reading, "hidden1");
    return ratio
      ? joined([shiftWords(reading, ratio), theoryWords(ratio, theory), harm(reading)])
      : `${NO_VARIANCE} ${harm(reading)}`;
  },
  figures: (reading) => shiftFigures(reading, "hidden1"),
};

/** @type {Writer} With a linear layer between: the second hidden layer’s. */
const varianceShiftLinear = {
  write(reading) {
    const { ratio } = shiftOf(reading, "hidden2");
    return ratio ? joined([shiftWords(reading, ratio), harm(reading)]) : `${NO_VARIANCE} ${harm(reading)}`;
  },
  figures: (reading) => shiftFigures(reading, "hidden2"),
};

const NO_VARIANCE = "The variances have not been measured at this step yet: they are while “Variance shift” is open.";

/**
 * @param {SeenReading} reading
 * @param {string} layer
 */
function shiftOf({ facts }, layer) {
  return { ratio: facts[`variance/ratio/${layer}`], theory: facts[`variance/theory/${layer}`] };
}

/**
 * @param {SeenReading} reading
 * @param {string} layer
 */
function shiftFigures(reading, layer) {
  const { ratio = [] } = shiftOf(reading, layer);
  return Object.fromEntries(
    reading.experiment.config.lanes.flatMap(({ dropout: [, rate] }, lane) => [
      [`variance/p=${rate}`, ratio[lane]],
      [`val_loss/p=${rate}`, scoreAt(reading, "val_loss", lane, reading.step)],
    ]),
  );
}

/**
 * @param {SeenReading} reading
 * @param {number[]} ratio
 */
function shiftWords(reading, ratio) {
  const last = ratio.length - 1;
  const half = reading.names.indexOf("p = 0.5");
  const shown = [...(half >= 0 && half !== last ? [half] : []), last].filter((lane) => Number.isFinite(ratio[lane]));
  if (shown.length === 0) {
    return NO_VARIANCE;
  }
  const each = shown.map((lane) => `${times(ratio[lane])} for ${nameOf(reading, lane)}`).join(" and ");
  return ratio[last] > 1.1
    ? `What enters batch norm varies more in training than in evaluation: ${each}.`
    : `What enters batch norm should vary more in training than in evaluation; it is ${each}, and ${NOT_SHOWN}.`;
}

/**
 * @param {number[]} ratio
 * @param {number[] | undefined} theory
 */
function theoryWords(ratio, theory) {
  const offs = (theory ?? []).flatMap((expected, lane) =>
    Number.isFinite(expected) && Number.isFinite(ratio[lane]) ? [Math.abs(ratio[lane] / expected - 1)] : [],
  );
  if (offs.length === 0) {
    return null;
  }
  const most = Math.max(...offs);
  const percent = `${formatPlain(Math.round(1000 * most) / 10)}%`;
  return most <= CLOSE_TO_THEORY ? `Theory gives the same within ${percent}.` : `Theory is off by up to ${percent}.`;
}

/**
 * Up to which rate the loss is no higher than without dropout.
 * @param {SeenReading} reading
 */
function harm(reading) {
  const lanes = [...reading.names.keys()].slice(1);
  const worse = lanes.filter((lane) => compared(reading, "val_loss", lane, 0) === "higher");
  if (worse.length === 0) {
    return `No rate has a validation loss that could be told to be higher than ${formatLoss(reading.loss[0])} without: the shift does no harm here.`;
  }
  const first = worse[0];
  return joined([
    first > 1
      ? `Up to ${nameOf(reading, first - 1)} it does no harm that could be told:`
      : "It goes with a higher loss from the first rate on:",
    `the validation loss is ${formatLoss(reading.loss[0])} without dropout and ${formatLoss(reading.loss[first])} for ${nameOf(reading, first)}.`,
  ]);
}

/** @type {Writer} Lane 0 is without dropout, lane 1 with. */
const trainingTime = {
  write(reading) {
    const { experiment, facts, step } = reading;
    const levels = experiment.picture?.x ?? [];
    const both = levels.filter(
      (level) => (facts[`reached/${level}`] ?? []).every(Number.isFinite) && facts[`reached/${level}`]?.length === 2,
    );
    const told = both.filter((level) => level <= 1).slice(0, 3);
    const each = told.map((level) => {
      const [without, dropped] = facts[`reached/${level}`];
      return `${formatTimes(dropped / without)} times as many steps to ${formatLoss(level)} (${formatCount(dropped)} against ${formatCount(without)})`;
    });
    const never = levels.find((level) => Number.isNaN(facts[`reached/${level}`]?.[1]));
    const cost = facts["cost/milliseconds"];
    const slower = told.every((level) => facts[`reached/${level}`][1] > facts[`reached/${level}`][0]);
    return joined([
      each.length === 0
        ? "No training loss of 1 or less has been reached by both networks yet."
        : `Dropout needs ${each.join(", ")}${slower ? "" : `: that it always needs more, ${NOT_SHOWN}`}.`,
      never !== undefined
        ? `A training loss of ${formatLoss(never)} it has not reached in ${formatCount(step)} steps.`
        : null,
      cost?.length === 2 && cost.every((value) => value > 0)
        ? `A single step takes it ${formatTimes(cost[1] / cost[0])} times as long on this machine.`
        : null,
      bestWords(reading, "val_loss"),
    ]);
  },
  figures: ({ facts, experiment }) =>
    Object.fromEntries(
      (experiment.picture?.x ?? []).map((level) => {
        const [without, dropped] = facts[`reached/${level}`] ?? [];
        return [`steps_ratio/${level}`, dropped / without];
      }),
    ),
};

/** By the id of the experiment. @type {Record<string, Writer>} */
export const WRITERS = {
  "batch-norm": batchNorm,
  "variance-shift": varianceShift,
  "variance-shift-linear": varianceShiftLinear,
  "training-time": trainingTime,
};
