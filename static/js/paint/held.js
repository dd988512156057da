// The film that a reader has stopped: while one looks back, the masks of the last steps must not run out from under the hand.

/** @import { Store } from "../types.js" */

import { StepRing } from "../state/ring.js";

/** @type {WeakMap<Store, StepRing>} */
const held = new WeakMap();

/**
 * The steps that the pictures show: the live ring, or, once the reader scrubbed back, a copy of it as it was then. Training goes on
 * meanwhile, and at full speed the ring forgets a step after two seconds.
 * @param {Store} store
 * @returns {StepRing}
 */
export function shownSteps(store) {
  const { cursor, steps } = store.state;
  if (cursor === null) {
    held.delete(store);
    return steps;
  }
  const film = held.get(store);
  if (film && film.last >= cursor) {
    return film;
  }
  const copy = copyRing(steps);
  held.set(store, copy);
  return copy;
}

/** @param {StepRing} ring */
function copyRing(ring) {
  const copy = new StepRing(
    ring.layers.map(({ name, units }) => ({ name, units, shape: [units] })),
    ring.capacity,
  );
  for (let step = ring.first; step <= ring.last; step += 1) {
    const record = ring.at(step);
    if (record) {
      copy.push(
        record,
        (layer) => record.masks[layer],
        (layer) => record.kept[layer],
        (layer) => record.rates[layer],
      );
    }
  }
  return copy;
}
