// The page's one state, and the one place where it changes.

/** @import { ScoreName, State, Store, Topic } from "../types.js" */

import { createColumns } from "./columns.js";
import { emptyDraft } from "./draft.js";
import { StepRing } from "./ring.js";

/** @type {readonly ScoreName[]} */
export const SCORES = ["train_loss", "val_loss", "train_accuracy", "val_accuracy"];

/**
 * What was fetched of the step that is looked back to: nothing.
 * @returns {State["past"]}
 */
export function emptyPast() {
  return { film: null, step: null, graph: null, live: null, status: "idle", message: "" };
}

/**
 * Everything that belongs to one start of one run, empty: what a reset throws away.
 * @param {readonly import("../types.js").Layer[]} layers
 * @param {number} lanes
 */
export function emptyRecords(layers, lanes) {
  return {
    steps: new StepRing(layers),
    losses: createColumns(/** @type {const} */ (["loss"]), lanes),
    scores: createColumns(SCORES, lanes),
    graph: null,
    graphs: new Map(),
    ensemble: null,
    boundary: null,
    insights: {},
    trails: {},
    cursor: null,
    past: emptyPast(),
  };
}

/** @returns {State} */
export function initialState() {
  return {
    schema: null,
    connection: { status: "connecting", message: "", retryInMs: null },
    run: null,
    before: null,
    role: null,
    data: null,
    ...emptyRecords([], 0),
    experiment: null,
    experiments: [],
    revealed: true,
    exercise: null,
    answer: null,
    open: [],
    theme: "light",
    notice: null,
    unread: [],
    draft: emptyDraft(),
    tables: {},
  };
}

/**
 * Make a store. Listeners are told once for each animation frame, with all the topics that changed since the last.
 * @param {object} [options]
 * @param {(paint: () => void) => void} [options.schedule] When to tell; by default with the next animation frame.
 * @returns {Store}
 */
export function createStore({ schedule = (paint) => void requestAnimationFrame(paint) } = {}) {
  const state = initialState();
  /** @type {Set<{ topics: Set<Topic>, listener: (changed: Set<Topic>) => void }>} */
  const subscriptions = new Set();
  /** @type {Set<Topic>} */
  const dirty = new Set();

  function tell() {
    const changed = new Set(dirty);
    dirty.clear();
    for (const { topics, listener } of [...subscriptions]) {
      const mine = new Set([...changed].filter((topic) => topics.has(topic)));
      if (mine.size > 0) {
        try {
          listener(mine);
        } catch (error) {
          reportError(error); // and go on: the others have a right to know, too
        }
      }
    }
  }

  return {
    state,
    subscribe(topics, listener) {
      const subscription = { topics: new Set(topics), listener };
      subscriptions.add(subscription);
      return () => void subscriptions.delete(subscription);
    },
    update(topic, patch = {}) {
      Object.assign(state, patch);
      if (dirty.size === 0) {
        schedule(tell);
      }
      dirty.add(topic);
    },
  };
}
