// Asking a server that may not be there yet.

/** @import { Store } from "./types.js" */

import { ApiError } from "./api.js";

const FIRST_RETRY = 500; // ms; doubles up to
const LAST_RETRY = 10_000;

/**
 * @param {{ window: Window, store: Store }} options The store hears why it takes so long.
 */
export function createPatience({ window, store }) {
  /**
   * Ask until the server is there and has a worker.
   * @template T
   * @param {() => Promise<T>} ask
   * @returns {Promise<T>}
   * @throws {ApiError} What was asked for is refused.
   */
  return async function patiently(ask) {
    for (let wait = FIRST_RETRY; ; wait = Math.min(wait * 2, LAST_RETRY)) {
      try {
        return await ask();
      } catch (error) {
        if (error instanceof ApiError && error.code !== "no_worker") {
          throw error;
        }
        const message = error instanceof ApiError ? error.message : "the server does not answer";
        store.update("connection", { connection: { status: "reconnecting", message, retryInMs: wait } });
        await new Promise((resolve) => window.setTimeout(() => resolve(null), wait));
      }
    }
  };
}
