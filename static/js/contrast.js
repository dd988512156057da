// Which other network the followed one is held against, as the server has it (docs/protocol.md, Contrast lane).

/** @import { Run } from "./types.js" */

import { drops } from "./paint/sites.js";

/**
 * The followed network and, if there is one, its contrast: the first without dropout, or the first with dropout if the followed
 * one has none.
 * @param {Run} run
 * @returns {number[]}
 */
export function withContrast({ config, follow }) {
  const own = drops(config.lanes[follow.lane]);
  const other = config.lanes.findIndex((lane) => drops(lane) !== own);
  return other < 0 ? [follow.lane] : [follow.lane, other];
}
