// Which other network the followed one is held against: the server says it (docs/protocol.md, Contrast lane).

/** @import { Run } from "../types.js" */

/**
 * The followed network and, if there is one, its contrast.
 * @param {Pick<Run, "follow" | "contrast">} run
 * @returns {number[]}
 */
export function withContrast({ follow, contrast }) {
  return contrast === null ? [follow.lane] : [follow.lane, contrast];
}
