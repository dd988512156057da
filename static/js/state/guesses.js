// What was guessed of each run before its answer was shown: kept for as long as the tab is open, across reloads.

import { createStorage } from "../base/storage.js";

/** The number of the lane that was chosen, or that none was. @typedef {number | "skipped"} Guessed */

const KEY = "dropout-lab-guess-"; // and the id of the run

/** @type {WeakMap<Document, ReturnType<typeof createGuesses>>} */
const known = new WeakMap();

/**
 * The guesses made in a document.
 * @param {Document} document
 */
export function guessesOf(document) {
  const guesses = known.get(document) ?? createGuesses(document);
  known.set(document, guesses);
  return guesses;
}

/** @param {Document} document */
function createGuesses(document) {
  const storage = createStorage(() => /** @type {Window} */ (document.defaultView).sessionStorage);
  /** @type {Map<string, Guessed>} */
  const made = new Map(); // where the browser remembers nothing

  const guesses = {
    /**
     * @param {string} run
     * @returns {Guessed | null} `null`: none was made yet.
     */
    get(run) {
      const stored = made.get(run) ?? storage.get(KEY + run);
      return stored === null || stored === "skipped" ? stored : Number(stored);
    },
    /**
     * @param {string} run
     * @param {Guessed} guess
     */
    set(run, guess) {
      made.set(run, guess);
      storage.set(KEY + run, String(guess));
    },
    /**
     * A run that takes the place of another, with the same lanes, keeps what was guessed of it.
     * @param {string} from
     * @param {string} to
     */
    move(from, to) {
      const guess = guesses.get(from);
      if (guess !== null) {
        guesses.set(to, guess);
      }
    },
  };
  return guesses;
}
