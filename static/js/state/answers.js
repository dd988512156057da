// Which choice of an exercise was taken: kept for as long as the tab is open, across reloads.

import { createStorage } from "../base/storage.js";

const KEY = "dropout-lab-answer-"; // and the exercise as it stands in the address; exercise-boot.js reads it, too

/** @param {() => Storage} open `sessionStorage`: the very access may be refused. */
export function createAnswers(open) {
  const storage = createStorage(open);
  return {
    /**
     * @param {string} exercise As it stands in the address.
     * @param {number} count Of its choices.
     * @returns {number | null} `null`: none yet.
     */
    get(exercise, count) {
      const answer = Number(storage.get(KEY + exercise) ?? Number.NaN);
      return Number.isInteger(answer) && answer >= 0 && answer < count ? answer : null;
    },
    /**
     * @param {string} exercise
     * @param {number} answer
     */
    set: (exercise, answer) => storage.set(KEY + exercise, String(answer)),
  };
}
