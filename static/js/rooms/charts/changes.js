// Whose knobs were turned last: told from what the places are now and what they were. Pure.

/** @import { RoomPlace } from "../../types.js" */

const KNOBS = /** @type {const} */ (["hidden", "input", "batch_norm"]);

/**
 * @param {readonly RoomPlace[]} before
 * @param {readonly RoomPlace[]} now
 * @param {number | null} lane What it was so far.
 * @returns {number | null} A lane that somebody has; with several changes at once the last of them.
 */
export function changedLast(before, now, lane) {
  const known = new Map(before.map((place) => [place.lane, place]));
  const turned = now.filter((place) => {
    const old = known.get(place.lane);
    return old !== undefined && old.id === place.id && KNOBS.some((knob) => old[knob] !== place[knob]);
  });
  if (turned.length > 0) {
    return turned[turned.length - 1].lane;
  }
  return now.some((place) => place.lane === lane) ? lane : null;
}
