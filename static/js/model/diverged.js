// A network that diverged: at which step, after which change of a knob, and what to do about it. Pure: no DOM.

/** @import { Divergence, Lane, Run, Schema } from "../types.js" */

import { changeWords } from "./knobs.js";
import { formatCount } from "./stats.js";

const LEAST_RATE = 1e-5; // of learning rates
const SLOWER = 10; // times: a learning rate that is too high is mostly so by that much

/**
 * At which step a network diverged, and after which change; `null` while it has not.
 * @param {Pick<Run, "diverged">} run
 * @param {number} lane
 * @returns {Divergence | null}
 */
export function divergenceOf(run, lane) {
  return run.diverged?.[lane] ?? null;
}

/**
 * The learning rate that a network trains at.
 * @param {{ lanes: Lane[], learning_rate: number }} config
 * @param {number} lane
 */
export function rateOf(config, lane) {
  return config.lanes[lane].learning_rate ?? config.learning_rate;
}

/**
 * The learning rate to try instead; `null` where there is none that is much lower.
 * @param {{ lanes: Lane[], learning_rate: number }} config
 * @param {number} lane
 */
export function lowerRate(config, lane) {
  const rate = rateOf(config, lane) / SLOWER;
  return rate >= LEAST_RATE ? Number(rate.toPrecision(6)) : null;
}

/**
 * After which change, in words that go on from “diverged at step 14”.
 * @param {Run} run
 * @param {Schema | null} schema
 * @param {number} lane
 */
export function causeWords(run, schema, lane) {
  const { after = null } = divergenceOf(run, lane) ?? {};
  if (after === null) {
    return `with the knobs that it started with (learning rate ${numberWords(rateOf(run.first_config, lane))})`;
  }
  const changed = Object.entries(after.knobs).map(([name, value]) => {
    const knob = [...(schema?.lane ?? []), ...(schema?.run ?? [])].find((each) => each.name === name);
    return knob ? changeWords({ ...knob, label: knob.label.replace(/^own /, "") }, value) : `${name} ${value}`;
  });
  return `after the change at step ${formatCount(after.step)} (${changed.join("; ")})`;
}

/** @param {number} rate */
function numberWords(rate) {
  return rate.toLocaleString("en", { maximumSignificantDigits: 3 });
}
