// What the network picture shows, said in words and numbers. Pure functions: each sentence follows from its arguments.

/** @import { LayerPicture, Picture } from "./picture.js" */

import { formatCount, formatPercent } from "../model/stats.js";
import { keptWords } from "./dropped.js";
import { unitName } from "./naming.js";
import { State } from "./picture.js";

const quoted = (/** @type {string} */ name) => `“${name}”`;
const times = (/** @type {number} */ factor) => `× ${factor.toFixed(2).replace("-", "−")}`;
const signed = (/** @type {number} */ value) => formatSmall(value).replace("-", "−");

/**
 * A class with its article: a 7, an 8.
 * @param {string} name
 */
export function withArticle(name) {
  return `${/^(8|11$|18$|[aeio])/i.test(name) ? "an" : "a"} ${name}`;
}

/**
 * A number as a tooltip shows it: three decimals, and more where it would otherwise read as nothing.
 * @param {number} value
 */
function formatSmall(value) {
  return value === 0 || Math.abs(value) >= 0.0005 ? value.toFixed(3) : value.toExponential(1);
}

/**
 * Under the network picture.
 * @param {Picture | null} picture
 * @param {object} around
 * @param {number} around.followed The example that the reader follows.
 * @param {string | null} around.missing What is said while there is no picture of the step that is looked back to; `null`: of none.
 * @param {number | null} [around.every] Seconds between two pictures, if they come less often than they use to.
 */
export function networkSentence(picture, { followed, missing, every = null }) {
  if (!picture) {
    return missing ?? "Waiting for the first pass through the network …";
  }
  const parts = picture.evaluation ? [evaluationWords(picture)] : [`${headWords(picture)} ${keptWords(picture)}`];
  const busy = every === null ? "" : busyWords(every);
  return [...parts, answerWords(picture), otherExampleWords(picture, followed), recordWords(picture), busy]
    .filter(Boolean)
    .join(" ");
}

/** @param {number} every */
function busyWords(every) {
  const often = every < 1 ? "half second" : every === 1 ? "second" : `${formatCount(every)} seconds`;
  return `The server is busy: a new picture about every ${often}.`;
}

/** @param {Picture} picture */
function headWords({ step, laneName, example, classes, label, truth }) {
  const taught =
    label === truth
      ? `labelled ${classes[label]}`
      : `${withArticle(classes[truth])} wrongly labelled ${classes[label]}`;
  return `Step ${formatCount(step)} of ${quoted(laneName)}, training example ${formatCount(example)}, ${taught}:`;
}

/** @param {Picture} picture */
function evaluationWords(picture) {
  const untrained = picture.step === 0 ? " Nothing is trained yet." : "";
  return `${headWords(picture)} a pass in evaluation mode, where nothing is dropped.${untrained}`;
}

/** @param {Picture} picture */
function answerWords({ probability, classes, label }) {
  if (!probability) {
    return "";
  }
  if (!probability.every(Number.isFinite)) {
    return "Its output is no longer a number: it has diverged.";
  }
  const best = probability.indexOf(Math.max(...probability));
  const own = best === label ? "" : ` and ${formatPercent(probability[label])} on ${classes[label]}`;
  return `It puts ${formatPercent(probability[best])} on ${classes[best]}${own}, its label.`;
}

/**
 * @param {Picture} picture
 * @param {number} followed
 */
function otherExampleWords({ example }, followed) {
  return example === followed ? "" : `The selected example ${formatCount(followed)} was not in that mini-batch.`;
}

/** @param {Picture} picture */
function recordWords({ recorded }) {
  if (recorded) {
    return "";
  }
  return "Only the mask was recorded for this step.";
}

/**
 * What a tooltip says of one cell of the network picture.
 * @param {Picture} picture
 * @param {{ block: number, unit: number }} cell
 */
export function cellWords(picture, { block, unit }) {
  const layer = picture.layers[block];
  return layer
    ? `${unitName(layer.site, unit, picture.features)}: ${unitWords(picture, layer, unit)}`
    : classWords(picture, unit);
}

/**
 * @param {Picture} picture
 * @param {LayerPicture} layer
 * @param {number} unit
 */
function unitWords({ evaluation }, layer, unit) {
  const { states, activation, counted, rates } = layer;
  const value = activation ? activation[unit] : null;
  if (states[unit] === State.DROPPED) {
    const whole = isInDroppedGroup(layer, unit) ? `dropped with its whole ${layer.site.group}` : "dropped";
    return value === null ? whole : `${whole}; its ${signed(value)} became 0`;
  }
  const isThinned = rates.some((rate) => rate > 0);
  const how = evaluation ? "nothing is dropped" : counted === "factors" && isThinned ? turned(states[unit]) : "kept";
  const own = counted === "weights" && isThinned && !evaluation ? weightWords(layer, unit) : "";
  if (value === null) {
    return `${how}${own}; what it gave is not recorded`;
  }
  if (value === 0) {
    return `${how}${how ? ", " : ""}silent: 0${own}`;
  }
  const factor = layer.factor?.[unit] ?? (counted === "weights" ? 1 : layer.scale);
  const result =
    evaluation && factor === 1 ? signed(value) : `${signed(value)} ${times(factor)} = ${signed(value * factor)}`;
  return `${how}${how ? "; " : ""}${result}${own}`;
}

/** @param {number} state */
function turned(state) {
  return state === State.UP ? "turned up" : state === State.DOWN ? "turned down" : "";
}

/**
 * @param {LayerPicture} layer
 * @param {number} unit
 */
function weightWords({ mask, site }, unit) {
  const to = site.next ? "the first neuron of the next layer" : "the first class";
  return `; its weight to ${to} is ${mask[unit] ? "kept" : "dropped"}`;
}

/**
 * Whether a unit fell with all of its group, where whole groups are dropped.
 * @param {LayerPicture} layer
 * @param {number} unit
 */
function isInDroppedGroup({ site, rates, states }, unit) {
  const { group, groups, units, order } = site;
  if (rates[1] === 0 || group === "") {
    return false;
  }
  const size = units / groups;
  const mine = order ? unit % site.shape[1] : Math.floor(unit / size);
  for (let member = mine * size; member < (mine + 1) * size; member += 1) {
    if (states[order ? order[member] : member] !== State.DROPPED) {
      return false;
    }
  }
  return true;
}

/**
 * @param {Picture} picture
 * @param {number} unit
 */
function classWords({ classes, probability, label, truth }, unit) {
  const notes = [
    unit === label ? "the label it is trained on" : "",
    unit === truth && truth !== label ? "the true class" : "",
  ];
  const share = probability ? `probability ${formatPercent(probability[unit])}` : "probability not recorded";
  return [`class ${classes[unit]}: ${share}`, ...notes.filter(Boolean)].join(", ");
}
