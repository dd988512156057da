// The line under the title: what this run is, in a sentence that holds at every moment.

/** @import { Config, Lane, Topic, View, ViewOptions } from "../types.js" */

import { setText } from "../dom.js";
import { drops } from "../paint/sites.js";

/** @type {Topic[]} */
export const topics = ["run"];

const NUMBERS = ["No", "One", "Two", "Three", "Four"];

/** @type {Record<string, [string, string]>} One network, several. */
const NETWORKS = {
  mlp: ["network", "networks"],
  cnn: ["convolutional network", "convolutional networks"],
  lstm: ["LSTM", "LSTMs"],
};

/** @type {Record<string, string>} What there are so many of. */
const EXAMPLES = {
  digits: "handwritten digits",
  idx: "images",
  breast_cancer: "tumours by their measurements",
  wine: "wines by their measurements",
  csv: "rows of a table",
};

/** @type {Record<string, string>} What happens at every step, said of "it" or "each". */
const LOSES = {
  units: "loses other neurons",
  weights: "loses other weights",
  factors: "multiplies its neurons by other factors",
};

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { store }) {
  return {
    update() {
      const { run } = store.state;
      if (run) {
        setText(element, lead(run.config));
      }
    },
    resize() {},
    destroy() {},
  };
}

/**
 * @param {Config} config
 * @returns {string}
 */
export function lead(config) {
  const { lanes, network = "mlp", train_size: size } = config;
  const [one, several] = NETWORKS[network] ?? NETWORKS.mlp;
  const who = `${NUMBERS[lanes.length] ?? lanes.length} ${lanes.length > 1 ? several : one}`;
  const learns = network === "lstm" ? "read" : "learn";
  const fewest = Math.min(size, ...lanes.map((lane) => lane.train_size ?? size));
  const same = lanes.length > 1 && fewest === size ? " the same" : "";
  const count =
    fewest === size ? size.toLocaleString("en") : `${fewest.toLocaleString("en")} to ${size.toLocaleString("en")}`;
  const [what, more = ""] = (EXAMPLES[config.dataset] ?? "points of the plane").split(/(?=,)/);
  const wrong = config.label_noise > 0 ? `, ${Math.round(config.label_noise * 100)}% of them wrongly labelled` : "";
  const rows = network === "lstm" ? " row by row" : "";
  return `${who} ${learns}${lanes.length > 1 ? "" : "s"}${same} ${count} ${what}${rows}${more}${wrong}. ${masks(config)}`;
}

/** @param {Config} config */
function masks({ lanes, mask }) {
  const dropping = lanes.filter(drops);
  if (dropping.length === 0) {
    return "No network has dropout now: move a slider and neurons begin to go missing.";
  }
  const which = dropping.length === lanes.length ? (lanes.length === 1 ? "it" : "each") : names(dropping);
  const kinds = new Set(dropping.map(lossOf));
  const what = kinds.size === 1 ? LOSES[[...kinds][0]] : "draws another mask";
  return `At every step ${which} ${what}${mask === "per_batch" ? ", one for the whole mini-batch" : ""}.`;
}

/** @param {Lane} lane */
function lossOf({ dropout_kind: kind }) {
  return kind === "gaussian" ? "factors" : kind === "dropconnect" ? "weights" : "units";
}

/** @param {Config["lanes"]} lanes */
function names(lanes) {
  if (lanes.length > 3) {
    return `each of ${lanes.length} of them`;
  }
  const quoted = lanes.map(({ name }) => `“${name}”`);
  return quoted.length > 1 ? `each of ${quoted.slice(0, -1).join(", ")} and ${quoted[quoted.length - 1]}` : quoted[0];
}
