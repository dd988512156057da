// What the network picture shows, said in words and numbers. Pure functions: each sentence follows from its arguments.

/** @import { LayerPicture, Picture } from "./picture.js" */

import { binomial, formatCount, formatOne, formatPercent } from "../stats.js";
import { layerLabel } from "../words.js";
import { State } from "./picture.js";

const quoted = (/** @type {string} */ name) => `“${name}”`;
const times = (/** @type {number} */ factor) => `× ${factor.toFixed(2)}`;
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
 * @param {number | null} around.cursor The step scrubbed back to.
 */
export function networkSentence(picture, { followed, cursor }) {
  if (!picture) {
    return cursor === null
      ? "Waiting for the first pass through the network …"
      : `The masks of step ${formatCount(cursor)} are not on this page: it keeps those of the last 2,048 steps that reached it.`;
  }
  const parts = picture.evaluation ? [evaluationWords(picture)] : [`${headWords(picture)} ${keptWords(picture)}`];
  return [...parts, answerWords(picture), otherExampleWords(picture, followed), recordWords(picture)]
    .filter(Boolean)
    .join(" ");
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
function keptWords({ layers }) {
  const thinned = layers.filter(({ rate }) => rate > 0);
  if (thinned.length === 0) {
    return "this lane has no dropout: nothing is dropped.";
  }
  return `kept ${alike(thinned).map(groupWords).join("; ")}.`;
}

/**
 * Layers of one size and one rate, together.
 * @param {LayerPicture[]} layers
 * @returns {LayerPicture[][]}
 */
function alike(layers) {
  /** @type {Map<string, LayerPicture[]>} */
  const groups = new Map();
  for (const layer of layers) {
    const key = `${layer.name === "input"}/${layer.units}/${layer.scale.toFixed(4)}`;
    groups.set(key, [...(groups.get(key) ?? []), layer]);
  }
  return [...groups.values()];
}

/** @param {LayerPicture[]} layers Of one size and one rate. */
function groupWords(layers) {
  const [{ name, units, rate, scale }] = layers;
  const kept = listed(layers.map((layer) => formatCount(layer.kept)));
  const { mean, sd } = binomial(units, 1 - rate);
  const expected = `(expected ${formatOne(mean)} ± ${formatOne(sd)}${layers.length > 1 ? " in each" : ""})`;
  const numbers = listed(layers.map((layer) => layer.name.replace(/^\D+/, "")));
  const where = name === "input" ? "inputs" : `neurons of hidden ${numbers}`;
  return `${kept} of ${formatCount(units)} ${where} ${expected}, every kept output ${times(scale)}`;
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
  return example === followed
    ? ""
    : `The followed example ${formatCount(followed)} was not in that mini-batch, or not followed yet.`;
}

/** @param {Picture} picture */
function recordWords({ recorded, layers }) {
  if (recorded) {
    return "";
  }
  const share = layers.some(({ rate }) => rate > 0) ? "who was kept" : "that all were kept";
  return `Of this step the page knows ${share}, not what they gave.`;
}

/** @param {string[]} words */
function listed(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}

/**
 * What a tooltip says of one cell of the network picture.
 * @param {Picture} picture
 * @param {{ block: number, unit: number }} cell
 */
export function cellWords(picture, { block, unit }) {
  const layer = picture.layers[block];
  if (!layer) {
    return classWords(picture, unit);
  }
  return `${unitName(layer, unit, block === 0)}: ${unitWords(picture, layer, unit)}`;
}

/**
 * @param {{ name: string, units: number }} layer
 * @param {number} unit
 * @param {boolean} isInput
 */
function unitName({ name, units }, unit, isInput) {
  if (!isInput) {
    return `${layerLabel(name)}, neuron ${formatCount(unit + 1)} of ${formatCount(units)}`;
  }
  const side = Math.sqrt(units);
  return Number.isInteger(side) && units > 3
    ? `pixel in row ${Math.floor(unit / side) + 1}, column ${(unit % side) + 1}`
    : `input x${unit + 1}`;
}

/**
 * @param {Picture} picture
 * @param {LayerPicture} layer
 * @param {number} unit
 */
function unitWords({ evaluation }, layer, unit) {
  const { states, activation, scale } = layer;
  const value = activation ? activation[unit] : null;
  if (states[unit] === State.DROPPED) {
    return value === null ? "dropped" : `dropped; its ${signed(value)} became 0`;
  }
  const kept = evaluation ? "nothing is dropped" : "kept";
  if (value === null) {
    return `${kept}; what it gave is not recorded`;
  }
  if (value === 0) {
    return `${kept}, silent: 0`;
  }
  return evaluation
    ? `${kept}; ${signed(value)}`
    : `${kept}; ${signed(value)} ${times(scale)} = ${signed(value * scale)}`;
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
