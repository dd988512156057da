// What is said of a step that is looked back to and is not there yet.

/** @import { State } from "../types.js" */

import { formatCount } from "../model/stats.js";

/**
 * What stands in the network's place while there is nothing to show of a step.
 * @param {Pick<State, "past">} state
 * @param {number} cursor
 */
export function pastWords({ past }, cursor) {
  return past.status === "failed"
    ? `Step ${formatCount(cursor)} cannot be shown: ${past.message}.`
    : `Fetching step ${formatCount(cursor)} …`;
}
