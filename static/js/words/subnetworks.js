// What sub-networks say of the plane, in words.

import { formatCount, formatPercent } from "../model/stats.js";
import { joined, quoted } from "./common.js";

const SPLIT = 0.25; // share of the sub-networks from which on they are said to be divided at a point
const MORE = 1.25; // times as much from which on one mean is said to be larger than another

/**
 * The numbers of which the sentence speaks. Information is in nats.
 * @typedef {object} PlaneReading
 * @property {number} step
 * @property {string} name The lane.
 * @property {string | null} like The lane whose dropout thins it, if not its own; "" if no lane has dropout.
 * @property {number} members How many have a boundary of their own.
 * @property {number} divided Share of the plane where at least a quarter of them disagree with the majority.
 * @property {number} apart Share of the plane where their average and weight scaling say different classes.
 * @property {number} near Mean mutual information in the quarter of the plane that is nearest to training points.
 * @property {number} far The same of the quarter that is farthest from them.
 * @property {number} edge The same along the boundary of the average; NaN if there is none.
 * @property {boolean} isSound Whether everything is a number.
 */

/** @param {PlaneReading | null} reading `null` before the first look. */
export function subnetworksSentence(reading) {
  if (reading === null) {
    return "No sub-networks have been sampled yet.";
  }
  const { step, name, like, members, divided, apart, isSound } = reading;
  const lead = `Step ${formatCount(step)}.`;
  if (!isSound) {
    return `${lead} ${quoted(name)} has diverged: its sub-networks have nothing to say.`;
  }
  if (like === "") {
    return `${lead} No network of this run has dropout, so all sub-networks are the whole network and nobody disagrees.`;
  }
  const least = Math.ceil(SPLIT * members);
  return joined([
    lead,
    `On ${formatPercent(divided)} of the plane in view at least ${formatCount(least)} of ${formatCount(members)} sub-networks of ${quoted(name)} disagree with the majority.`,
    apart === 0
      ? "Their average and weight scaling say the same everywhere."
      : `Their average and weight scaling differ on ${formatPercent(apart)}.`,
    whereWords(reading),
    like ? `${quoted(name)} has no dropout of its own: it is thinned like ${quoted(like)}.` : null,
  ]);
}

/** @param {PlaneReading} reading */
function whereWords({ near, far, edge }) {
  const figures = `mutual information is ${nats(far)} nats on average in the quarter of the plane farthest from the training points, ${nats(near)} in the quarter nearest to them`;
  const verdict = far > MORE * near ? "more" : near > MORE * far ? "less" : "no more";
  const along = Number.isFinite(edge) && edge > MORE * Math.max(near, far);
  const where = along ? `, and most along the boundary of the average: ${nats(edge)}` : "";
  return `They disagree ${verdict} far from the data than near them: ${figures}${where}.`;
}

/** @param {number} value */
const nats = (value) => (value > 0 && value < 0.0005 ? "under 0.001" : value.toFixed(3));
