// Which runs can be looked back on, however far.

/** @import { Run } from "../types.js" */

/**
 * Whether old steps of a run can be fetched: those of a search are of networks that are no more.
 * @param {Run} run
 */
export function canLookBack(run) {
  return run.search === null || run.search === undefined;
}
