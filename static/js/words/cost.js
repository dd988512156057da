// What the picture of a step's cost shows, in words.

import { formatCount, formatTimes } from "../model/stats.js";
import { joined, quoted } from "./common.js";

/**
 * The time of a step of one network by itself.
 * @typedef {{ name: string, drops: boolean, milliseconds: number, lower: number, upper: number }} LaneCost Median and quartiles;
 *   NaN where it was not timed.
 */

const ALIKE = 1.05; // times that differ by less say nothing

/** @param {{ device: string, stepCount: number, lanes: LaneCost[] } | null} reading `null` before anything was timed. */
export function costSentence(reading) {
  const timed = reading?.lanes.filter(({ milliseconds }) => milliseconds > 0) ?? [];
  if (reading === null || timed.length === 0) {
    return "No step has been timed yet.";
  }
  const { device, stepCount, lanes } = reading;
  const where = device === "cpu" ? "this server’s processor" : `this server’s ${device}`;
  return joined([
    timed.length === 1 ? alone(timed[0]) : compared(timed),
    timed.length < lanes.length
      ? `Only the first ${formatCount(timed.length)} of ${formatCount(lanes.length)} networks were timed.`
      : null,
    `Medians over ${formatCount(stepCount)} steps${timed.length > 1 ? ", in turns," : ""} on ${where}, which has other things to do as well: ` +
      `${timed.length > 1 ? "the times are its own, and the ratios hold roughly." : "the time is its own."}`,
  ]);
}

/** @param {number} milliseconds */
export function formatTime(milliseconds) {
  return `${milliseconds.toPrecision(3)} ms`;
}

/** @param {LaneCost} lane */
function alone({ name, milliseconds }) {
  return `A step of ${quoted(name)} takes ${formatTime(milliseconds)} here.`;
}

/** @param {LaneCost[]} lanes At least two. */
function compared(lanes) {
  const ordered = [...lanes].sort((one, other) => one.milliseconds - other.milliseconds);
  const [quick, slow] = [ordered[0], ordered[ordered.length - 1]];
  const times = slow.milliseconds / quick.milliseconds;
  if (times < ALIKE || slow.lower <= quick.upper) {
    const who = lanes.length === 2 ? "both networks" : `all ${formatCount(lanes.length)} networks`;
    return `A step takes about as long in ${who}, ${formatTime(quick.milliseconds)} to ${formatTime(slow.milliseconds)}: what sets them apart is within what one network’s own steps differ by.`;
  }
  const figures = `${formatTime(slow.milliseconds)} against ${formatTime(quick.milliseconds)}`;
  if (lanes.length === 2 && slow.drops && !quick.drops) {
    return `A step with dropout takes ${timesWords(times)} as long here: ${figures}.`;
  }
  const most = lanes.length > 2 ? ", the slowest," : "";
  const least = lanes.length > 2 ? ", the quickest" : "";
  return `A step of ${quoted(slow.name)}${most} takes ${timesWords(times)} as long as one of ${quoted(quick.name)}${least}: ${figures}.`;
}

/** @param {number} times At least `ALIKE`. */
function timesWords(times) {
  return times < 1.15 ? `${times.toFixed(2)} times` : `${formatTimes(times)} times`;
}
