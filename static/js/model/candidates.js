// What a search tried and what came of it, as pictures, tables and sentences need it. Pure: no DOM.

/** @import { DataTable } from "../types.js" */

import { order } from "./verdict.js";

/**
 * What came of a candidate; `null` where a number is none, because the network diverged.
 * @typedef {object} Result
 * @property {number} trial
 * @property {number | null} val_loss
 * @property {number | null} val_accuracy
 * @property {number | null} best_val_loss
 * @property {number | null} best_step
 */

/** Input rate, hidden rate, learning rate. @typedef {[number, number, number]} Trial */

/**
 * A search as the run state has it (docs/protocol.md, Searches).
 * @typedef {object} Search
 * @property {"grid" | "random"} method
 * @property {number[]} input
 * @property {number[]} hidden
 * @property {number[]} learning_rate
 * @property {number} candidates
 * @property {number} steps
 * @property {number} batch
 * @property {number} seed
 * @property {number} done
 * @property {number} batch_number From 1.
 * @property {number} batches
 * @property {Trial[]} trials
 * @property {Result[]} results Of the first `done` candidates, in their order.
 * @property {number | null} best
 */

/** The names of a candidate's numbers, in the order in which it has them. */
export const AXES = /** @type {const} */ (["input", "hidden", "learning_rate"]);

/**
 * The candidates that are the lanes of the run now; none when all are done.
 * @param {Search} search
 */
export function training({ done, batch, trials }) {
  return { from: done, to: Math.min(done + batch, trials.length) };
}

/**
 * Those that have a loss, the best first; of equals the one that was trained first.
 * @param {Search} search
 * @returns {(Result & { val_loss: number })[]}
 */
export function ranked({ results }) {
  const finite = /** @type {(Result & { val_loss: number })[]} */ (results.filter(({ val_loss }) => val_loss !== null));
  return finite.sort((one, other) => one.val_loss - other.val_loss || one.trial - other.trial);
}

/**
 * The numbers of which the sentence under the pictures speaks.
 * @param {Search} search
 */
export function readSearch(search) {
  const { trials, results, done } = search;
  const ordered = ranked(search);
  const [best] = ordered;
  const plain = ordered.find(({ trial }) => trials[trial][0] === 0 && trials[trial][1] === 0);
  return {
    total: trials.length,
    done,
    training: training(search).to - done,
    diverged: results.length - ordered.length,
    best: best ? { ...best, values: trials[best.trial] } : null,
    near: ordered.filter(({ val_loss }) => order("val_loss", val_loss, best?.val_loss ?? 0, 1) === "alike").length,
    without: plain && plain !== best ? plain.val_loss : null,
    edges: best && done === trials.length ? edgesOf(search, trials[best.trial]) : [],
  };
}

/**
 * Of which numbers of a grid's candidate none was tried on the one side. Beyond a rate of 0 there is nothing to try.
 * @param {Search} search
 * @param {Trial} trial
 * @returns {{ axis: typeof AXES[number], end: "lowest" | "highest" }[]}
 */
function edgesOf({ method, ...lists }, trial) {
  /** @type {{ axis: typeof AXES[number], end: "lowest" | "highest" }[]} */
  const edges = [];
  AXES.forEach((axis, place) => {
    const [least, most] = [Math.min(...lists[axis]), Math.max(...lists[axis])];
    if (method === "grid" && least < most && trial[place] === most) {
      edges.push({ axis, end: "highest" });
    } else if (method === "grid" && 0 < least && least < most && trial[place] === least) {
      edges.push({ axis, end: "lowest" });
    }
  });
  return edges;
}

/**
 * The losses between which colours are spread: of the candidates that are done, or, before there are any, of those that train.
 * @param {Search} search
 * @param {ReadonlyMap<number, number>} live Losses of candidates that are being trained.
 * @returns {{ least: number, most: number } | null}
 */
export function domainOf(search, live) {
  const done = ranked(search).map(({ val_loss }) => val_loss);
  const losses = done.length > 0 ? done : [...live.values()].filter(Number.isFinite);
  return losses.length > 0 ? { least: Math.min(...losses), most: Math.max(...losses) } : null;
}

/**
 * The newest validation losses of the candidates that are being trained; none at step 0, where nothing was learnt.
 * @param {Search} search
 * @param {import("../state/columns.js").Columns<"val_loss">} scores
 * @returns {Map<number, number>}
 */
export function liveLosses(search, { length, step, val_loss: losses }) {
  const { from, to } = training(search);
  const row = length - 1;
  if (row < 0 || step[row] === 0) {
    return new Map();
  }
  return new Map(
    Array.from({ length: Math.min(to - from, losses.length) }, (_, lane) => [from + lane, losses[lane][row]]),
  );
}

/**
 * Everything that came of a search, as a table.
 * @param {Search} search
 * @returns {DataTable | null} `null` while nothing is done.
 */
export function searchTable({ trials, results }) {
  const columns = ["candidate", ...AXES, "val_loss", "val_accuracy", "best_val_loss", "best_step"];
  const rows = results.map(({ trial, ...figures }) => [
    trial + 1,
    ...trials[trial],
    ...[figures.val_loss, figures.val_accuracy, figures.best_val_loss, figures.best_step].map((value) => value ?? ""),
  ]);
  return rows.length > 0 ? { name: "search", columns, rows } : null;
}

/**
 * Says how long work takes from how fast it went of late.
 * @param {number} [span] Seconds that count as of late.
 */
export function createForecast(span = 20) {
  /** @type {{ at: number, done: number }[]} */
  const seen = [];
  return {
    /**
     * @param {number} at Seconds.
     * @param {number} done How much was done then.
     */
    add(at, done) {
      if (done < (seen.at(-1)?.done ?? 0)) {
        seen.length = 0;
      }
      if (done !== seen.at(-1)?.done) {
        seen.push({ at, done });
      }
      while (seen.length > 2 && at - seen[1].at > span) {
        seen.shift();
      }
    },
    /** Work stands still: the time until it goes on again must not count. */
    forget() {
      seen.length = 0;
    },
    /**
     * @param {number} total
     * @returns {number | null} Seconds; `null` while too little was seen.
     */
    left(total) {
      const [first, last] = [seen[0], seen.at(-1)];
      if (!first || !last || last.at - first.at < 0.5) {
        return null;
      }
      return ((total - last.done) * (last.at - first.at)) / (last.done - first.done);
    },
  };
}
