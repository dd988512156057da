// What there is to say of a window of the mask raster: counts over its steps. Pure.

/** @import { Run } from "../types.js" */
/** @import { StepRing } from "../ring.js" */

import { isGap } from "./film.js";
import { ratesAt } from "./picture.js";

/**
 * Count the masks in view.
 * @param {StepRing} ring
 * @param {Run} run
 * @param {{ from: number, to: number }} window
 */
export function readWindow(ring, run, { from, to }) {
  const { lane, example: followed } = run.follow;
  const first = Math.max(from, ring.first, 1);
  const totals = run.layers.map(({ name, units }) => ({
    name,
    units,
    kept: 0,
    draws: 0,
    mean: 0,
    variance: 0,
    thinned: false,
  }));
  const count = { shown: 0, missing: 0, others: 0, own: 0 };
  const ratesOf = rememberRates(run, lane);
  for (let step = first; step <= to; step += 1) {
    const record = ring.at(step);
    if (!record) {
      count.missing += Number(isGap(ring, step));
    } else if (record.lane !== lane) {
      count.others += 1;
    } else {
      count.shown += 1;
      count.own += Number(record.example === followed);
      const rates = ratesOf(step);
      for (const [index, total] of totals.entries()) {
        addLayer(total, record.kept[total.name], rates[index]);
      }
    }
  }
  const layers = totals
    .filter(({ thinned, draws }) => thinned && draws > 0)
    .map(({ name, kept, draws, mean, variance }) => ({
      ...{ name, kept, draws },
      ...{ expected: mean / draws, error: Math.sqrt(variance) / draws },
    }));
  return { from: first, to, lane: run.config.lanes[lane]?.name ?? `lane ${lane}`, followed, ...count, layers };
}

/**
 * @param {{ units: number, kept: number, draws: number, mean: number, variance: number, thinned: boolean }} total
 * @param {number} kept
 * @param {number} rate
 */
function addLayer(total, kept, rate) {
  total.kept += kept;
  total.draws += total.units;
  total.mean += total.units * (1 - rate);
  total.variance += total.units * rate * (1 - rate);
  total.thinned ||= rate > 0;
}

/**
 * The rates at a step, worked out once between two changes.
 * @param {Run} run
 * @param {number} lane
 */
function rememberRates(run, lane) {
  const changes = run.changes.filter((change) => change.lane === lane).map(({ step }) => step);
  /** @type {Map<number, number[]>} */
  const known = new Map();
  return (/** @type {number} */ step) => {
    const era = changes.filter((change) => change <= step).length;
    const rates = known.get(era) ?? ratesAt(run, lane, step);
    known.set(era, rates);
    return rates;
  };
}
