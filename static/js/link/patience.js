// Asking a server that may not be there yet.

/** @import { Store } from "../types.js" */

import { ApiError, BetweenError } from "./api.js";

const FIRST_RETRY = 500; // ms; doubles up to
const LAST_RETRY = 10_000;
const SILENCE = 5000; // ms without an answer, after which it is said what is waited for

/**
 * @param {{ window: Window, store: Store }} options The store hears why it takes so long.
 */
export function createPatience({ window, store }) {
  /**
   * Ask until the server is there and has a worker.
   * @template T
   * @param {string} what For what it is asked, for the reader: `for its knobs`.
   * @param {() => Promise<T>} ask
   * @returns {Promise<T>}
   * @throws {ApiError} What was asked for is refused.
   */
  return async function patiently(what, ask) {
    for (let wait = FIRST_RETRY; ; wait = Math.min(wait * 2, LAST_RETRY)) {
      const silence = window.setTimeout(() => {
        const message = `the server was asked ${what} and has not answered yet; this page waits for it`;
        store.update("connection", { connection: { status: "connecting", message, retryInMs: null } });
      }, SILENCE);
      try {
        return await ask();
      } catch (error) {
        const passing = error instanceof BetweenError ? error.passing : false;
        if (error instanceof ApiError && error.code !== "no_worker" && !passing) {
          throw error;
        }
        window.clearTimeout(silence);
        const message = error instanceof ApiError ? error.message : "the server does not answer";
        store.update("connection", { connection: { status: "reconnecting", message, retryInMs: wait } });
        await new Promise((resolve) => window.setTimeout(() => resolve(null), wait));
      } finally {
        window.clearTimeout(silence);
      }
    }
  };
}
