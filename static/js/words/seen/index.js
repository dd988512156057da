// One paragraph of what was seen in the run of an experiment, written from its own numbers, and what other seeds gave.

/** @import { SeenReading, Writer } from "./common.js" */

import { formatCount, formatLoss } from "../../stats.js";
import { joined } from "../common.js";
import { bestWords, guessVerdict } from "./common.js";
import * as costs from "./costs.js";
import * as ensembles from "./ensembles.js";
import * as inside from "./inside.js";
import * as networks from "./networks.js";
import * as rates from "./rates.js";
import * as training from "./training.js";

/** One writer for each experiment, by its id. @type {Record<string, Writer>} */
export const WRITERS = {
  twin: training.twin,
  rate: rates.rate,
  "rate-hidden-only": rates.rateHiddenOnly,
  "rate-constant-width": rates.rateConstantWidth,
  search: rates.search,
  "data-size": training.dataSize,
  "data-size-true-labels": training.dataSize,
  "batch-norm": costs.batchNorm,
  "variance-shift": costs.varianceShift,
  "variance-shift-linear": costs.varianceShiftLinear,
  regularisers: training.regularisers,
  layers: training.layers,
  "training-time": costs.trainingTime,
  "real-ensemble": ensembles.realEnsemble,
  averages: ensembles.averages,
  draw: ensembles.draw,
  convolutional: networks.convolutional,
  recurrent: networks.recurrent,
  "forgotten-eval": ensembles.forgottenEval,
  inside: inside.inside,
  features: inside.features,
  "noise-as-data": training.noiseAsData,
  boundaries: networks.boundaries,
};

/**
 * Of Student’s distribution, what 99 of 100 values do not exceed on either side, by its degrees of freedom.
 */
const STUDENT = [Number.NaN, 63.7, 9.92, 5.84, 4.6, 4.03, 3.71, 3.5, 3.36, 3.25];

/**
 * What other seeds gave, of one figure.
 * @typedef {{ label: string, value: number | null, sd: number | null, seeds: number, unit: string }} Expected
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
 * This run’s figures beside those of other seeds.
 * @param {SeenReading} reading
 * @param {Expected[]} expected
 * @returns {{ label: string, here: string, elsewhere: string, isUsual: boolean, seeds: number }[]}
 */
export function besideOthers(reading, expected) {
  if (!reading.isAsPlanned || reading.step !== reading.goal) {
    return []; // they are of the same settings and steps, or say nothing
  }
  const own = [...(WRITERS[reading.experiment.id]?.figures?.(reading) ?? []), ...laneFigures(reading)];
  return expected.flatMap(({ label, value, sd, unit, seeds }) => {
    const [, here] = own.find(([name]) => name.toLowerCase() === label.toLowerCase()) ?? [];
    if (here === undefined || !Number.isFinite(here) || value === null || sd === null) {
      return [];
    }
    const isUsual = Math.abs(here - value) <= reach(seeds) * sd + rounding(value);
    return [
      { label, here: amount(here, unit), elsewhere: `${amount(value, unit)} ± ${amount(sd, "")}`, isUsual, seeds },
    ];
  });
}

/**
 * How many of their standard deviations from the mean of some seeds 99 of 100 others lie at most.
 * @param {number} seeds
 */
function reach(seeds) {
  return STUDENT[Math.min(Math.max(seeds - 1, 1), STUDENT.length - 1)] * Math.sqrt(1 + 1 / seeds);
}

/** @param {number} value As far as a figure with two digits says. */
const rounding = (value) => 0.02 * Math.abs(value);

/**
 * Loss and accuracy of every lane, as the figures of other seeds name them.
 * @param {SeenReading} reading
 * @returns {[string, number][]}
 */
function laneFigures({ names, loss, accuracy }) {
  return names.flatMap((name, lane) =>
    [name, name.split(", ")[0]].flatMap((short) => [
      /** @type {[string, number]} */ ([`Validation loss: ${short}`, loss[lane]]),
      /** @type {[string, number]} */ ([`Validation loss, ${short}`, loss[lane]]),
      /** @type {[string, number]} */ ([`Validation accuracy: ${short}`, 100 * accuracy[lane]]),
    ]),
  );
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
  const odd = rows.filter(({ isUsual }) => !isUsual).length;
  const seeds = rows.map((row) => row.seeds);
  const [fewest, most] = [Math.min(...seeds), Math.max(...seeds)];
  const others = `${fewest === most ? "" : `${formatCount(fewest)} to `}${formatCount(most)} other seeds`;
  const all = rows.length > 1 ? `All ${formatCount(rows.length)} figures lie` : "The one figure lies";
  return odd === 0
    ? `${all} where those of ${others} do.`
    : `${formatCount(odd)} of ${formatCount(rows.length)} figures ${odd > 1 ? "lie" : "lies"} further from the mean of ${others} than 99 of 100 seeds should.`;
}
