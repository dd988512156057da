// What this browser knows of a learner: how far each lesson was followed, and what was answered. Nothing of it leaves it.

import { ROOT } from "../base/addresses.js";
import { createStorage } from "../base/storage.js";

/** An answer, and whether it was right. @typedef {{ given: number, right: boolean }} Answer */

/**
 * @typedef {object} Progress
 * @property {string} at The step of the lesson that was reached last.
 * @property {number} furthest The greatest number of one that was reached.
 * @property {string[]} done Steps of the lesson whose action was done.
 * @property {string | null} finished When the end was reached, as ISO 8601.
 * @property {Answer | null} before Of the question that is asked before.
 * @property {Record<string, Answer>} answers Of those at the end, by their names.
 * @property {Record<string, number>} guesses
 * @property {Record<string, string>} runs The runs that its steps began, by the step's name.
 */

const KEY = `dropout-lab-lessons:${ROOT}`;

/** @returns {Progress} */
export function noProgress() {
  return { at: "", furthest: 0, done: [], finished: null, before: null, answers: {}, guesses: {}, runs: {} };
}

/**
 * @param {() => Storage} open `localStorage`
 */
export function createProgress(open) {
  const storage = createStorage(open);

  /** @returns {Record<string, Progress>} */
  function all() {
    try {
      const found = JSON.parse(storage.get(KEY) ?? "{}");
      return typeof found === "object" && found !== null && !Array.isArray(found) ? found : {};
    } catch {
      return {}; // somebody else wrote it
    }
  }

  return {
    all,
    /**
     * @param {number} lesson
     * @returns {Progress}
     */
    of: (lesson) => ({ ...noProgress(), ...all()[lesson] }),
    /**
     * @param {number} lesson
     * @param {Partial<Progress>} patch
     */
    change(lesson, patch) {
      const known = all();
      storage.set(KEY, JSON.stringify({ ...known, [lesson]: { ...noProgress(), ...known[lesson], ...patch } }));
    },
    /** @param {number} lesson */
    forget(lesson) {
      const { [lesson]: _, ...rest } = all();
      storage.set(KEY, JSON.stringify(rest));
    },
  };
}
