// How far the run of an experiment has come, in words.

import { formatCount } from "../model/stats.js";
import { quoted } from "./common.js";

/**
 * What is known of the course of a run.
 * @typedef {object} Course
 * @property {number} step
 * @property {number} goal The step at which it pauses by itself.
 * @property {boolean} playing
 * @property {number | null} rate Steps a second, as measured; `null` before there is anything to measure.
 * @property {{ batch: number, batches: number } | null} [search] Of a search: which batch of networks this is, and of how many.
 */

/** @param {Course} course */
export function courseWords(course) {
  const { step, goal, playing, search = null } = course;
  const steps = `Step ${formatCount(step)} of ${formatCount(goal)}`;
  if (search) {
    const batch = `batch ${formatCount(search.batch)} of ${formatCount(search.batches)}`;
    const isDone = step >= goal && search.batch >= search.batches;
    return `${steps}, ${batch}${playing ? "" : isDone ? ": done" : ", stopped"}.`; // the panel of the search says how long
  }
  if (step > goal) {
    return `Step ${formatCount(step)}: beyond the ${formatCount(goal)} steps of this experiment${playing ? "" : ", stopped"}.`;
  }
  if (step === goal) {
    return `All ${formatCount(goal)} steps are done. Play goes on beyond them.`;
  }
  if (!playing) {
    return step === 0 ? `${formatCount(goal)} steps are to come.` : `${steps}, stopped.`;
  }
  return `${steps}${leftWords(course)}.`;
}

/** @param {Course} course */
function leftWords({ step, goal, rate }) {
  const steps = Math.max(0, goal - step);
  return rate && steps > 0 ? `, ${durationWords(steps / rate)} left` : "";
}

/**
 * A time as coarse as it is known.
 * @param {number} seconds
 */
export function durationWords(seconds) {
  if (seconds < 1.5) {
    return "about a second";
  }
  if (seconds < 90) {
    return `about ${formatCount(seconds < 20 ? Math.round(seconds) : 5 * Math.round(seconds / 5))} s`;
  }
  return `about ${formatCount(Math.round(seconds / 60))} min`;
}

/**
 * What share of the way is behind.
 * @param {Course} course
 */
export function share({ step, goal, search = null }) {
  const within = Math.min(1, step / goal);
  return search ? (search.batch - 1 + within) / search.batches : within;
}

/**
 * @param {number | "skipped" | null} guess
 * @param {{ name: string }[]} lanes
 */
export function guessWords(guess, lanes) {
  return typeof guess === "number" && lanes[guess] ? `You guessed ${quoted(lanes[guess].name)}.` : "";
}
