// One paragraph of what was seen in the run of an experiment, written from its own numbers, and what other seeds gave.

/** @import { Elsewhere } from "../../types.js" */
/** @import { SeenReading, Writer } from "./common.js" */

import { formatCount, formatLoss, mean } from "../../model/stats.js";
import { joined } from "../common.js";
import { bestWords, guessVerdict } from "./common.js";
import * as costs from "./costs.js";
import * as ensembles from "./ensembles.js";
import * as inside from "./inside.js";
import * as networks from "./networks.js";
import * as rates from "./rates.js";
import * as training from "./training.js";

/** One writer for each experiment, by its id. @type {Record<string, Writer>} */
export const WRITERS = Object.assign(
  {},
  ...[costs, ensembles, inside, networks, rates, training].map(({ WRITERS }) => WRITERS),
);

/**
 * Of Student’s distribution, what 99 of 100 values do not exceed on either side, by its degrees of freedom.
 */
const STUDENT = [
  Number.NaN,
  63.7,
  9.92,
  5.84,
  4.6,
  4.03,
  3.71,
  3.5,
  3.36,
  3.25,
  3.17,
  3.11,
  3.05,
  3.01,
  2.98,
  2.95,
  2.92,
  2.9,
  2.88,
  2.86,
  2.85,
];
const FEWEST = 5; // seeds; of fewer nothing is said of what is usual

/**
 * A figure of this run beside those of other seeds.
 * @typedef {object} Beside
 * @property {string} id
 * @property {string} label
 * @property {number} value Of this run.
 * @property {number[]} others
 * @property {number | null} reference The mean of plain PyTorch on the same splits as the others.
 * @property {string} here As it is written.
 * @property {string} elsewhere From the least to the greatest of the others.
 * @property {boolean} isUsual
 * @property {number} seeds
 */

/**
 * @param {SeenReading} reading
 * @returns {string}
 */
export function seenWords(reading) {
  const { experiment, step, goal, seed, evaluations, isAsPlanned, search } = reading;
  const until = step < goal && !search ? ` of ${formatCount(goal)}, so not the whole of it` : "";
  const writer = WRITERS[experiment.id] ?? { write: () => bestWords(reading, "val_loss") };
  const findings = joined([writer.write(reading), guessVerdict(reading)]);
  const means = `Losses and accuracies are means of the last ${formatCount(evaluations)} evaluations.`;
  return joined([
    `Step ${formatCount(step)}${until}, seed ${formatCount(seed)}.`,
    evaluations > 1 && /\bloss|accura/i.test(findings) ? means : null,
    findings,
    isAsPlanned ? null : "Knobs are not as the experiment has them, so its figures can be others.",
  ]);
}

/**
 * This run’s figures beside those of other seeds: its own seed, if it was measured as well, is none of these.
 * @param {SeenReading} reading
 * @param {Elsewhere[]} expected
 * @returns {Beside[]}
 */
export function besideOthers(reading, expected) {
  if (!reading.isAsPlanned || reading.step !== reading.goal) {
    return []; // they are of the same settings and steps, or say nothing
  }
  const own = WRITERS[reading.experiment.id]?.figures(reading) ?? {};
  return expected.flatMap(({ id, label, unit, seeds, values, reference }) => {
    const value = own[id] ?? Number.NaN;
    const others = values.filter((_, index) => seeds[index] !== reading.seed);
    if (!Number.isFinite(value) || others.length < FEWEST) {
      return [];
    }
    return [
      {
        id,
        label,
        value,
        others,
        reference: reference?.mean ?? null,
        here: amount(value, unit),
        elsewhere: range(Math.min(...others), Math.max(...others), unit),
        isUsual: isUsual(value, others),
        seeds: others.length,
      },
    ];
  });
}

/**
 * Whether a value lies where 99 of 100 further seeds would: within the prediction interval for one more (Student’s t).
 * @param {number} value
 * @param {number[]} others
 */
function isUsual(value, others) {
  const count = others.length;
  const middle = mean(others);
  const variance = others.reduce((sum, each) => sum + (each - middle) ** 2, 0) / (count - 1);
  const reach = STUDENT[Math.min(count - 1, STUDENT.length - 1)] * Math.sqrt(variance * (1 + 1 / count));
  return Math.abs(value - middle) <= reach + rounding(middle);
}

/** @param {number} value As far as a figure with two digits says. */
const rounding = (value) => 0.02 * Math.abs(value);

/**
 * From one value to another, with the unit said once.
 * @param {number} least
 * @param {number} greatest
 * @param {string} unit
 */
function range(least, greatest, unit) {
  const [low, high] = [amount(least, ""), amount(greatest, "")];
  const [first, last] = [amount(least, unit), amount(greatest, unit)];
  return first === last ? last : `${unit === "×" ? first : low} to ${unit === "×" ? high : last}`;
}

/**
 * @param {number} value
 * @param {string} unit
 */
function amount(value, unit) {
  const number = `${value < 0 ? "−" : ""}${formatLoss(Math.abs(value))}`;
  return unit === "%"
    ? `${number}%`
    : unit === "×"
      ? `× ${number}`
      : unit === "" || unit === "nats"
        ? number
        : `${number} ${unit}`;
}

/**
 * How many of the figures beside others are as others are.
 * @param {{ isUsual: boolean, seeds: number }[]} rows
 */
export function besideWords(rows) {
  if (rows.length === 0) {
    return "";
  }
  const odd = rows.filter((row) => !row.isUsual).length;
  const seeds = rows.map((row) => row.seeds);
  const [fewest, most] = [Math.min(...seeds), Math.max(...seeds)];
  const others = `${fewest === most ? "" : `${formatCount(fewest)} to `}${formatCount(most)} other seeds`;
  const all = rows.length > 1 ? `All ${formatCount(rows.length)} values are` : "The one value is";
  return odd === 0
    ? `${all} typical of ${others}.`
    : `${formatCount(odd)} of ${formatCount(rows.length)} values ${odd > 1 ? "are" : "is"} further from the mean of ${others} than 99 of 100 seeds should be.`;
}

/**
 * Whether the lab and plain PyTorch agree on the figures of an experiment, seed by seed.
 * @param {Elsewhere[]} expected
 */
export function agreementWords(expected) {
  const tested = expected.filter(({ judged }) => judged.word === "inside" || judged.word === "outside");
  const outside = tested.filter(({ judged }) => judged.word === "outside");
  if (tested.length === 0) {
    return expected.length > 0
      ? "These values have not been compared with plain PyTorch on the same data yet, or too few of them."
      : "";
  }
  const pairs = tested.map(({ judged }) => judged.pairs);
  const [fewest, most] = [Math.min(...pairs), Math.max(...pairs)];
  const seeds = `${fewest === most ? "" : `${formatCount(fewest)} to `}${formatCount(most)} seeds`;
  const rate = "with a chance of 5% that any of all experiments’ figures is called different by mistake";
  const each = outside.map(({ label, unit, judged }) => {
    const [by, error] = [judged.difference ?? Number.NaN, judged.error ?? Number.NaN];
    return `${label} (${by > 0 ? "+" : ""}${amount(by, unit)}, standard error ${amount(error, unit)})`;
  });
  return outside.length === 0
    ? `Compared with plain PyTorch on the same data and ${seeds}, none of ${formatCount(tested.length)} figures differs, ${rate}.`
    : `Compared with plain PyTorch on the same data and ${seeds}, ${formatCount(outside.length)} of ${formatCount(tested.length)} figures ${outside.length > 1 ? "differ" : "differs"}, ${rate}: ${each.join("; ")}.`;
}
