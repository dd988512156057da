// What the page brought along for its scripts, so that they need not ask for it: app/pages.py writes it.

/** @import { Experiment, Lesson, Schema } from "../types.js" */

/**
 * @param {Document} document
 * @returns {{ schema: Schema | null, experiment: Experiment | null, lesson: Lesson | null }} `null`: it has to be asked for, or there is none.
 */
export function givenIn(document) {
  const text = document.getElementById("given")?.textContent;
  return text ? JSON.parse(text) : { schema: null, experiment: null, lesson: null };
}
