// What is said of an answer to an exercise. Pure.

/** @import { Exercise } from "../types.js" */

/**
 * @param {Exercise} exercise
 * @param {number | null} answer The number of the choice that was taken.
 */
export function answerWords({ choices, right }, answer) {
  if (answer === null) {
    return "";
  }
  const chosen = `You chose “${choices[answer]}”.`;
  if (right === null) {
    return chosen;
  }
  return answer === right ? `${chosen} That is right.` : `${chosen} The answer is “${choices[right]}”.`;
}
