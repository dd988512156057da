// Old steps, fetched when somebody looks back to one: masks that this page no longer holds, and pictures of the networks of then.

/** @import { Frame, Run, State, Store } from "../types.js" */

import { canLookBack } from "../model/past.js";
import { shownSteps } from "../state/held.js";
import { emptyPast } from "../state/store.js";
import { ringOf } from "./ingest.js";

const FILM = 2048; // steps whose masks are fetched at once, around the one that is looked at
const FILM_AFTER_MS = 120; // that a reader stays at a step before its masks are fetched,
const ignore = () => {};
const PICTURES_AFTER_MS = 400; // and before its pictures are: they take a worker up to some seconds

/**
 * Look after the past for as long as the page lives.
 * @param {object} options
 * @param {Window} options.window
 * @param {Store} options.store
 * @param {Pick<ReturnType<typeof import("./api.js").createApi>, "past" | "curves">} options.api
 */
export function createPast({ window, store, api }) {
  const { state } = store;
  const now = {
    cursor: /** @type {number | null} */ (null),
    run: "",
    followed: "",
    child: "",
    timers: /** @type {number[]} */ ([]),
    controller: new AbortController(),
  };

  function look() {
    const { cursor, run } = state;
    const followed = JSON.stringify(run?.follow);
    if (cursor === now.cursor && run?.id === now.run && followed === now.followed) {
      return;
    }
    Object.assign(now, { cursor, run: run?.id ?? "", followed });
    for (const timer of now.timers.splice(0)) {
      window.clearTimeout(timer);
    }
    now.controller.abort();
    now.controller = new AbortController();
    if (cursor === null) {
      leave();
    } else if (run && canLookBack(run) && cursor < run.step) {
      const wait = (/** @type {() => Promise<void>} */ act, /** @type {number} */ ms) =>
        now.timers.push(window.setTimeout(() => act().catch(fail), ms));
      const { signal } = now.controller;
      if (!shownSteps(store).has(cursor) || !isOf(state, run)) {
        wait(() => film(run, cursor, signal), FILM_AFTER_MS);
      }
      if (state.past.step !== cursor) {
        wait(() => pictures(run, cursor, signal), PICTURES_AFTER_MS);
      }
    }
  }

  /**
   * @param {Run} run
   * @param {number} cursor
   * @param {AbortSignal} signal
   */
  async function film(run, cursor, signal) {
    say("fetching");
    const first = Math.max(1, cursor - FILM / 2);
    const frames = await api.past(run.id, { first, count: FILM, ...run.follow }, signal);
    const steps = frames.find(({ kind }) => kind === "steps");
    if (steps && !signal.aborted) {
      store.update("cursor", { past: { ...state.past, film: ringOf(run.layers, steps), status: "idle", message: "" } });
    }
  }

  /**
   * @param {Run} run
   * @param {number} cursor
   * @param {AbortSignal} signal
   */
  async function pictures(run, cursor, signal) {
    say("fetching");
    const frames = await api.past(run.id, { step: cursor, ...run.follow }, signal);
    if (signal.aborted) {
      return;
    }
    const found = Object.fromEntries(frames.map((frame) => [frame.kind, frame]));
    const live = state.past.live ?? { ensemble: state.ensemble, boundary: state.boundary };
    const { graph = null, ensemble = live.ensemble, boundary = live.boundary } = found;
    store.update("cursor", { past: { ...state.past, step: cursor, graph, live, status: "idle", message: "" } });
    store.update("ensemble", { ensemble });
    store.update("boundary", { boundary });
  }

  /** @param {"fetching"} status */
  function say(status) {
    if (state.past.status !== status) {
      store.update("cursor", { past: { ...state.past, status, message: "" } });
    }
  }

  /** @param {Error} error */
  function fail(error) {
    if (error.name !== "AbortError") {
      store.update("cursor", { past: { ...state.past, status: "failed", message: error.message } });
    }
  }

  /** Back in the present: what is newest is shown again. */
  function leave() {
    const { live } = state.past;
    if (live) {
      store.update("ensemble", { ensemble: live.ensemble });
      store.update("boundary", { boundary: live.boundary });
    }
    if (live || state.past.film) {
      store.update("cursor", { past: emptyPast() });
    }
  }

  /** Of a fork: know how the run went on that it goes on from; one that is gone is not missed. */
  function lookBefore() {
    const { run } = state;
    const parent = run?.parent ?? null;
    if (run && run.id !== now.child) {
      now.child = run.id;
      if (state.before) {
        store.update("scores", { before: null });
      }
      if (parent) {
        api.curves(parent.run).then((scores) => {
          if (state.run?.id === run.id) {
            store.update("scores", { before: beforeOf(run.id, parent.step, scores) });
          }
        }, ignore);
      }
    }
  }

  store.subscribe(["cursor", "run"], look);
  store.subscribe(["run"], lookBefore);
}

/**
 * @param {string} run
 * @param {number} step
 * @param {{ step: number[], val_loss: (number | null)[][] }} scores
 * @returns {import("../types.js").Before}
 */
function beforeOf(run, step, scores) {
  const first = scores.step.findLastIndex((each) => each <= step); // so that the line begins where the two part
  const from = Math.max(0, first);
  return { run, step, steps: scores.step.slice(from), val_loss: scores.val_loss.slice(from) };
}

/**
 * Whether the mask that the page has of the step that is looked at is of what is followed.
 * @param {State} state
 * @param {Run} run
 */
function isOf({ cursor, steps, past }, run) {
  const ring = cursor !== null && past.film?.has(cursor) ? past.film : steps;
  return cursor === null || !ring.has(cursor) || ring.laneOf(cursor) === run.follow.lane;
}
