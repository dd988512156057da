// The line under the title: what dropout is, with the rate that is in force. And what this run learns.

/** @import { Config, Lane, Schema } from "../types.js" */

import { dropoutOf, mainPlaces, networkNamed } from "../model/kinds.js";
import { drops } from "../model/layers.js";
import { formatCount } from "../model/stats.js";

const NUMBERS = ["No", "One", "Two", "Three", "Four"];

/** @type {Record<string, string>} What there are so many of. */
const EXAMPLES = {
  digits: "handwritten digits",
  idx: "images",
  breast_cancer: "tumours by their measurements",
  wine: "wines by their measurements",
  csv: "rows of a table",
};

/** Shares that have a name. @type {[number, string][]} */
const SHARES = [
  [0.5, "a random half"],
  [0.25, "a random quarter"],
  [0.75, "a random three quarters"],
];

/**
 * What follows the word “Dropout”, and whether it ends with what that is good for.
 * @param {Config} config
 * @param {number} followed
 * @param {Schema} schema
 * @returns {{ text: string, helps: boolean }}
 */
export function lead(config, followed, schema) {
  const lane = [config.lanes[followed], ...config.lanes].find((each) => each && drops(each));
  if (!lane) {
    return { text: "is off in every network now. Move the slider: neurons begin to be switched off.", helps: false };
  }
  return { text: `${does(config, lane, schema)} at each training step. That keeps a network from`, helps: true };
}

/**
 * What dropout does in a lane.
 * @param {Config} config
 * @param {Lane} lane
 * @param {Schema} schema
 */
function does(config, lane, schema) {
  const { counted } = dropoutOf({ config: { ...config, lanes: [lane] }, dropouts: schema.dropouts }, 0);
  const { indices, together } = mainPlaces(schema, config);
  const rates = indices.map((index) => lane.dropout[index]);
  const isMain = rates.some((rate) => rate > 0);
  const share = shareWords(isMain ? rates : lane.dropout.filter((rate) => rate > 0));
  const where = isMain ? `${together} ` : "";
  if (counted === "factors") {
    return `multiplies the outputs of the ${where}neurons by random factors`;
  }
  return counted === "weights"
    ? `switches off ${share} of the ${where}weights`
    : `switches off ${share} of the ${isMain ? `${where}neurons` : "units"}`;
}

/** @param {readonly number[]} rates Not empty where something is dropped. */
function shareWords(rates) {
  if (rates.length === 0 || rates.some((rate) => rate !== rates[0])) {
    return "a random part";
  }
  return SHARES.find(([rate]) => rate === rates[0])?.[1] ?? `a random ${Math.round(100 * rates[0])}%`;
}

/**
 * What this run learns, in a sentence.
 * @param {Config} config
 * @param {Schema} schema
 */
export function learns(config, schema) {
  const { lanes, train_size: size } = config;
  const { one, several, reads, read, manner } = networkNamed(schema, config.network);
  const who = `${NUMBERS[lanes.length] ?? lanes.length} ${lanes.length > 1 ? several : one}`;
  const fewest = Math.min(size, ...lanes.map((lane) => lane.train_size ?? size));
  const same = lanes.length > 1 && fewest === size ? " the same" : "";
  const count = fewest === size ? formatCount(size) : `${formatCount(fewest)} to ${formatCount(size)}`;
  const [what, more = ""] = (EXAMPLES[config.dataset] ?? "points of the plane").split(/(?=,)/);
  const wrong = config.label_noise > 0 ? `, ${Math.round(config.label_noise * 100)}% of them wrongly labelled` : "";
  const how = manner ? ` ${manner}` : "";
  return `${who} ${lanes.length > 1 ? read : reads}${same} ${count} ${what}${how}${more}${wrong}.`;
}
