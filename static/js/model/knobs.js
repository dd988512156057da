// What can be said of a knob from its description in the schema alone: whether it means anything, and its values in words.

/** @import { Config, Knob } from "../types.js" */

/** Values that are not written as they are spoken. @type {Record<string, string>} */
const NAMES = {
  sgd: "SGD",
  adam: "Adam",
  xor: "XOR",
  csv: "your own table",
  idx: "images of this server",
};

/**
 * A value of a choice as words.
 * @param {string} value
 */
export function words(value) {
  return NAMES[value] ?? value.replaceAll("_", " ");
}

/**
 * A value of a choice as its knob calls it.
 * @param {Pick<Knob, "choices">} knob
 * @param {string} value
 */
export function choiceWords({ choices = [] }, value) {
  return choices.find((choice) => choice.value === value)?.title ?? words(value);
}

/**
 * The value of a knob that is known by its name.
 * @param {object} knobs Of a run or of a lane.
 * @param {string} name
 */
export function valueIn(knobs, name) {
  return /** @type {Record<string, *>} */ (knobs)[name];
}

/**
 * Whether a knob means anything in a run.
 * @param {Knob} knob
 * @param {Partial<Config>} config
 */
export function applies(knob, config) {
  return Object.entries(knob.only_for ?? {}).every(([name, allowed]) => allowed.includes(valueIn(config, name)));
}

/**
 * @param {Knob} knob
 * @param {number} value
 */
export function shownNumber(knob, value) {
  if (value === 0 && (knob.smallest !== undefined || knob.group === "regularisers")) {
    return "off";
  }
  if (knob.scale === "log" || knob.type === "integer") {
    return value >= 0.001 || value === 0
      ? value.toLocaleString("en", { maximumSignificantDigits: knob.type === "integer" ? 21 : 3 })
      : value.toExponential(1);
  }
  return value.toFixed(Math.max(2, Math.ceil(-Math.log10(knob.step ?? 0.01))));
}

/**
 * A value in a few words.
 * @param {Knob} knob
 * @param {*} value
 * @returns {string}
 */
export function valueWords(knob, value) {
  if (value === null) {
    return "as the run";
  }
  if (Array.isArray(value)) {
    return value.map((each) => valueWords(knob, each)).join(", ");
  }
  if (typeof value === "number") {
    return knob.name.endsWith("seed") ? String(value) : shownNumber(knob, value);
  }
  return typeof value === "boolean" ? (value ? "on" : "off") : choiceWords(knob, value);
}

/**
 * What was done to a network or a run whose knob was given a value.
 * @param {Knob} knob
 * @param {*} value
 */
export function changeWords(knob, value) {
  return knob.name === "restarts" ? "began anew" : `${knob.label} ${valueWords(knob, value)}`;
}

/**
 * What a knob's value is called where there is little room: “L2 0.01”, “early stopping 8”, “Gaussian”.
 * @param {Knob} knob
 * @param {*} value
 */
export function briefly(knob, value) {
  const label = knob.label.replace(/ penalty$/, "").replace(/^own /, "");
  return knob.type === "choice" ? valueWords(knob, value) : `${label} ${valueWords(knob, value)}`;
}

/**
 * Whether a value is another than the one that is taken when nothing is said. A list of zeros is as good as none.
 * @param {*} value
 * @param {*} usual
 */
export function differs(value, usual) {
  const plain = (/** @type {*} */ each) =>
    Array.isArray(each) && each.every((item) => item === 0) ? "[]" : JSON.stringify(each ?? null);
  return plain(value) !== plain(usual);
}
