// What there is to say of a window of the mask raster: counts over its steps. Pure.

/** @import { Dropout, Run } from "../types.js" */
/** @import { StepRecord, StepRing } from "../state/ring.js" */
/** @import { Counted, Site } from "../model/layers.js" */

import { dropoutAt } from "../model/kinds.js";
import { countedOf, lawOf, sitesOf } from "../model/layers.js";
import { keptMoments } from "../model/stats.js";
import { isGap } from "./film.js";

/**
 * Count the masks in view.
 * @param {StepRing} ring
 * @param {Run} run
 * @param {{ from: number, to: number }} window
 */
export function readWindow(ring, run, { from, to }) {
  const { lane, example: followed } = run.follow;
  const first = Math.max(from, ring.first, 1);
  const totals = sitesOf(run, lane).map((site) => ({ site, kept: 0, draws: 0, mean: 0, variance: 0, thinned: false }));
  const count = { shown: 0, missing: 0, others: 0, own: 0 };
  /** @type {Set<Counted>} */
  const counted = new Set();
  for (let step = first; step <= to; step += 1) {
    const record = ring.at(step);
    if (!record) {
      count.missing += Number(isGap(ring, step));
    } else if (record.lane !== lane) {
      count.others += 1;
    } else {
      count.shown += 1;
      count.own += Number(record.example === followed);
      for (const total of totals) {
        addStep(total, record, dropoutAt(run, record.kind), counted);
      }
    }
  }
  const layers = totals
    .filter(({ thinned, draws }) => thinned && draws > 0)
    .map(({ site, kept, draws, mean, variance }) => ({
      ...{ name: site.name, kept, draws },
      ...{ expected: mean / draws, error: Math.sqrt(variance) / draws },
    }));
  const name = run.config.lanes[lane]?.name ?? `lane ${lane}`;
  return { from: first, to, lane: name, followed, ...count, layers, counted: [...counted] };
}

/**
 * The counts of one place.
 * @typedef {{ site: Site, kept: number, draws: number, mean: number, variance: number, thinned: boolean }} Total
 */

/**
 * Add what a step's mask kept, and what its rates led to expect. A place whose rates were 0 throughout is not spoken of.
 * @param {Total} total
 * @param {StepRecord} record
 * @param {Dropout} dropoutKind
 * @param {Set<Counted>} counted
 */
function addStep(total, { rates, kept }, dropoutKind, counted) {
  const { site } = total;
  const isThinned = rates[site.name].some((rate) => rate > 0);
  const what = countedOf(site, dropoutKind);
  const law = lawOf(site, dropoutKind, rates[site.name]);
  if (!law || (what === "factors" && !isThinned)) {
    return;
  }
  const { mean, sd } = keptMoments(law);
  total.kept += kept[site.name];
  total.draws += law.groups * law.size;
  total.mean += mean;
  total.variance += sd * sd;
  if (isThinned) {
    total.thinned = true;
    counted.add(what);
  }
}
