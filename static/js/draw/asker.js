// Asks about what changes faster than it can be answered: one question on the way, the newest next.

/** @import { Answer } from "../types.js" */

// All viewers of a run together may ask 20 times a second, and as often at once when nobody has asked for a second.
const EVERY_MS = 55; // between two questions, in the long run
const AHEAD_MS = 500; // what was not asked so long ago may be made up for: a short stroke waits for nothing but the answers
const BACK_OFF_MS = { first: 250, most: 4000 };

/**
 * @template Question
 * @param {object} options
 * @param {(question: Question) => Promise<Answer>} options.ask
 * @param {(answer: Answer, question: Question) => void} options.answered
 * @param {(error: Error) => void} options.refused For good: not for asking too often, which is tried again.
 * @param {() => number} [options.now] Milliseconds.
 * @param {(callback: () => void, delay: number) => *} [options.setTimeout]
 */
export function createAsker({
  ask,
  answered,
  refused,
  now = () => performance.now(),
  setTimeout = globalThis.setTimeout.bind(globalThis),
}) {
  const state = {
    next: /** @type {Question | null} */ (null),
    busy: false,
    due: 0, // when the next may be asked
    wait: 0, // after having asked too often
  };

  function send() {
    if (state.busy || state.next === null) {
      return;
    }
    state.busy = true;
    const early = state.due - now();
    if (early > 0) {
      setTimeout(dispatch, early);
    } else {
      dispatch();
    }
  }

  async function dispatch() {
    const question = state.next;
    state.next = null;
    state.due = Math.max(state.due, now() - AHEAD_MS) + EVERY_MS;
    const answer = question === null ? null : await exchange(question);
    state.busy = false;
    try {
      if (question !== null && answer !== null) {
        answered(answer, question);
      }
    } finally {
      send(); // whatever became of this answer, the next question is asked
    }
  }

  /**
   * @param {Question} question
   * @returns {Promise<Answer | null>} Nothing where it was refused.
   */
  async function exchange(question) {
    try {
      const answer = await ask(question);
      state.wait = 0;
      return answer;
    } catch (error) {
      const { code } = /** @type {{ code?: string }} */ (error);
      if (code === "too_many_messages") {
        state.wait = Math.min(BACK_OFF_MS.most, Math.max(BACK_OFF_MS.first, 2 * state.wait));
        state.due = now() + state.wait;
        state.next ??= question;
      } else {
        refused(/** @type {Error} */ (error));
      }
      return null;
    }
  }

  return {
    /** @param {Question} question */
    ask(question) {
      state.next = question;
      send();
    },
    /** What is still to be asked is not asked. */
    forget() {
      state.next = null;
    },
  };
}
