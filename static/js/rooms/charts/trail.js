// The training losses of a run, kept as they come: a topic has the newest alone. Pure.

/** @import { FollowedTopic } from "../../types.js" */
/** @import { Trail } from "./losses.js" */

const MOST = 240; // columns; with more, every other one goes

/** What has come of one run. @typedef {Trail & { run: string }} RunTrail */

/** @type {RunTrail} */
export const NO_TRAIL = { run: "", step: [], train: [] };

/**
 * A trail with what a topic adds. It begins anew with another run, with other networks, and where the steps go back.
 * @param {RunTrail} trail
 * @param {FollowedTopic} topic
 * @returns {RunTrail}
 */
export function withNewest(trail, { run, step, networks }) {
  const newest = networks.map((network) => network.train_loss);
  const last = trail.step[trail.step.length - 1] ?? -1;
  const goesOn = trail.run === run && trail.train.length === networks.length && step >= last;
  if (!goesOn) {
    return { run, step: [step], train: newest.map((value) => [value]) };
  }
  if (step === last) {
    return trail;
  }
  const added = { run, step: [...trail.step, step], train: trail.train.map((line, index) => [...line, newest[index]]) };
  if (added.step.length <= MOST) {
    return added;
  }
  const kept = (/** @type {*} */ _, /** @type {number} */ index) => index % 2 === 0;
  return { run, step: added.step.filter(kept), train: added.train.map((line) => line.filter(kept)) };
}
