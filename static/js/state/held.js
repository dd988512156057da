// The film that a reader has stopped: while one looks back, the masks of the last steps must not run out from under the hand.

/** @import { Store } from "../types.js" */

import { StepRing } from "./ring.js";

/** @type {WeakMap<Store, StepRing>} */
const held = new WeakMap();

/**
 * The steps that the pictures show: the live ring, or, once the reader scrubbed back, a copy of it as it was then. Training goes on
 * meanwhile, and at full speed the ring forgets a step after two seconds.
 * @param {Store} store
 * @returns {StepRing}
 */
export function shownSteps(store) {
  const { cursor, steps, past } = store.state;
  if (cursor === null) {
    held.delete(store);
    return steps;
  }
  const film = held.get(store);
  const here = film && film.last >= cursor ? film : copyRing(steps);
  held.set(store, here);
  return past.film && !here.has(cursor) ? past.film : here;
}

/**
 * The training pass of the step that is looked back to, as far as it is known: what an evaluation pass at that step showed does
 * not answer which units were dropped.
 * @param {Pick<import("../types.js").State, "graphs" | "past">} state
 * @param {number} cursor
 * @returns {import("../types.js").Frame | null}
 */
export function graphAt({ graphs, past }, cursor) {
  const graph = graphs.get(cursor);
  return graph && graph.meta.pass !== "evaluation" ? graph : past.step === cursor ? past.graph : null;
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
