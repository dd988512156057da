// What the masks, the boundary and the picker show, said in words and numbers. Pure functions: each sentence follows from its
// arguments.

/** @import { Counted, Site } from "../model/layers.js" */

import { formatCount, formatOne, formatPercent } from "../model/stats.js";
import { layerLabel } from "../words/index.js";
import { unitName } from "./naming.js";
import { withArticle } from "./phrases.js";

const quoted = (/** @type {string} */ name) => `“${name}”`;
const plural = (/** @type {number} */ count, /** @type {string} */ one) =>
  `${formatCount(count)} ${one}${count === 1 ? "" : "s"}`;

/**
 * A window of the mask raster, counted.
 * @typedef {object} MasksReading
 * @property {number} from First step in view.
 * @property {number} to Last step in view.
 * @property {string} lane Name of the followed lane.
 * @property {number} shown Steps in view whose masks are drawn.
 * @property {number} missing Steps in view whose masks were not received.
 * @property {number} others Steps in view whose masks are another lane's.
 * @property {number} own Drawn steps whose mask is the followed example's.
 * @property {number} followed The followed example.
 * @property {LayerShare[]} layers Those with dropout.
 * @property {Counted[]} counted What the bits of these masks stand for.
 * @property {{ drawn: number, units: number }} rows
 * @property {number | null} cursor
 * @property {number} newest The newest step that the page has.
 */

/**
 * How many of the draws of a layer kept a unit; the share that the rates in force led to expect, and its standard error.
 * @typedef {{ name: string, kept: number, draws: number, expected: number, error: number }} LayerShare
 */

/**
 * What is known of the boundaries: their lengths in units of the axes, and the share of the plane on which the first two lanes
 * disagree.
 * @typedef {{ step: number, lanes: { name: string, length: number }[], differ: number }} BoundaryReading
 */

/**
 * Under the mask raster.
 * @param {MasksReading | null} reading `null`: no step yet.
 */
export function masksSentence(reading) {
  if (!reading) {
    return "Waiting for the first mask …";
  }
  const { from, to, lane, shown, missing, others, rows, cursor, newest } = reading;
  const parts = [
    `Steps ${formatCount(from)} to ${formatCount(to)} of ${quoted(lane)}.`,
    shareWords(reading),
    ownWords(reading),
  ];
  if (missing > 0) {
    parts.push(`${plural(missing, "step")} of these ${missing === 1 ? "was" : "were"} not received (hatched).`);
  }
  if (others > 0) {
    parts.push(`${plural(others, "step")} ${others === 1 ? "is" : "are"} blank: another network was selected.`);
  }
  if (rows.drawn < rows.units && shown > 0) {
    parts.push(`There is room for ${formatCount(rows.drawn)} of the ${formatCount(rows.units)} units, evenly chosen.`);
  }
  if (cursor !== null) {
    const further = newest > to ? `; training has gone on to step ${formatCount(newest)}` : "";
    parts.push(`You are looking at step ${formatCount(cursor)}${further}.`);
  }
  return parts.filter(Boolean).join(" ");
}

/** @param {MasksReading} reading */
function shareWords({ layers, shown, counted }) {
  if (shown === 0) {
    return "";
  }
  if (layers.length === 0) {
    return "This lane has no dropout: nothing is dropped.";
  }
  const shares = layers.map(
    ({ name, kept, draws, expected, error }) =>
      `${layerLabel(name)} ${formatPercent(kept / draws)} (expected ${formatPercent(expected)}, SD ${(100 * error).toFixed(error < 0.001 ? 2 : 1)})`,
  );
  const weights = counted.includes("weights");
  const factors = counted.includes("factors");
  const what = !factors ? "Kept" : counted.length > 1 ? "Kept, or turned up," : "Turned up";
  const rows = weights
    ? " Of weights that are dropped, a row is that from a unit to the first neuron of the next layer; the shares are of all."
    : "";
  return `${what} over ${plural(shown, "step")}: ${shares.join(", ")}.${rows}`;
}

/** @param {MasksReading} reading */
function ownWords({ shown, own, followed }) {
  if (shown === 0 || own === shown) {
    return "";
  }
  const whose = own === 0 ? "None of these masks is" : `In ${plural(own, "step")} the mask is`;
  const others = own === 0 ? "each is" : "in the others it is";
  return `${whose} example ${formatCount(followed)}’s own; ${others} that of another example of the mini-batch.`;
}

/**
 * What a tooltip says of one place of the raster.
 * @param {object} place
 * @param {number} place.step
 * @param {Site} place.site
 * @param {number} place.unit
 * @param {string[]} place.features
 * @param {Counted} place.counted
 * @param {boolean | null} place.isKept `null` where the mask is not known.
 * @param {number} place.example
 */
export function maskWords({ step, site, unit, features, counted, isKept, example }) {
  const name = unitName(site, unit, features);
  const where = `Step ${formatCount(step)}, ${counted === "weights" ? `weight from ${name} to the first ${site.next ? `neuron of ${layerLabel(site.next)}` : "class"}` : name}`;
  if (isKept === null) {
    return `${where}: no mask here`;
  }
  const [yes, no] = counted === "factors" ? ["factor of at least 1", "factor below 1"] : ["kept", "dropped"];
  return `${where}: ${isKept ? yes : no} for example ${formatCount(example)}`;
}

/**
 * Under the boundary picture.
 * @param {BoundaryReading | null} reading `null`: no boundary yet.
 */
export function boundarySentence(reading) {
  if (!reading || reading.lanes.length === 0) {
    return "Waiting for the first boundary …";
  }
  const { step, lanes, differ } = reading;
  const head = `Step ${formatCount(step)}, in evaluation mode:`;
  const length = (/** @type {{ length: number }} */ lane) => formatOne(lane.length);
  if (lanes.length === 1) {
    return `${head} ${quoted(lanes[0].name)}: boundary length ${length(lanes[0])}.`;
  }
  if (lanes.length > 2) {
    const sorted = [...lanes].sort((a, b) => a.length - b.length);
    const [shortest, longest] = [sorted[0], sorted[sorted.length - 1]];
    return `${head} the shortest boundary is that of ${quoted(shortest.name)}, ${length(shortest)}, the longest that of ${quoted(longest.name)}, ${length(longest)}.`;
  }
  const [first, second] = lanes;
  const ratio = first.length > 0 ? ` (× ${(second.length / first.length).toFixed(2)})` : "";
  return `${head} ${quoted(first.name)} and ${quoted(second.name)} disagree on ${formatPercent(differ)} of the plane; boundary length ${length(first)} and ${length(second)}${ratio}.`;
}

/**
 * Under the picker.
 * @param {object} reading
 * @param {number} reading.followed
 * @param {string} reading.label As trained.
 * @param {string} reading.truth
 * @param {number} reading.wrong How many labels are wrong.
 * @param {number} reading.total
 * @param {boolean} reading.mayChoose
 * @param {boolean} reading.isPlane Whether the examples are points.
 * @param {number} [reading.shown] The example in the picture, if it stands still.
 */
export function pickerSentence({ followed, label, truth, wrong, total, mayChoose, isPlane, shown = followed }) {
  const what = label === truth ? `labelled ${label}` : `${withArticle(truth)} wrongly labelled ${label}`;
  const share = `${formatCount(wrong)} of the ${formatCount(total)} training labels are wrong.`;
  const how = isPlane
    ? "Click a point of the boundary picture to follow it, or walk over them with its arrow keys."
    : "Choose another to follow it.";
  const last = mayChoose ? how : "Only the owner of the run can choose another.";
  const end = shown === followed ? last : `Pictured: example ${formatCount(shown)}.`; // and takes no more room
  return `Selected: training example ${formatCount(followed)}, ${what}. ${share} ${end}`;
}

/**
 * How a screen reader calls one example of the picker.
 * @param {{ example: number, label: string, truth: string }} shown
 */
export function exampleName({ example, label, truth }) {
  return label === truth
    ? `Example ${example}: ${label}`
    : `Example ${example}: labelled ${label}, wrong, it is ${withArticle(truth)}`;
}
