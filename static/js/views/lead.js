// The line under the title: what this run is, in a sentence that holds at every moment.

/** @import { Config, Topic, View, ViewOptions } from "../types.js" */

import { setText } from "../dom.js";

/** @type {Topic[]} */
export const topics = ["run"];

const NUMBERS = ["No", "One network learns", "Two networks learn", "Three networks learn", "Four networks learn"];

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
  const { lanes } = config;
  const who = NUMBERS[lanes.length] ?? `${lanes.length} networks learn`;
  const together = lanes.length > 1 ? " the same" : "";
  const what = config.dataset === "digits" ? "handwritten digits" : "points of the plane";
  const wrong = config.label_noise > 0 ? `, ${Math.round(config.label_noise * 100)}% of them wrongly labelled` : "";
  return `${who}${together} ${config.train_size.toLocaleString("en")} ${what}${wrong}. ${masks(config)}`;
}

/** @param {Config} config */
function masks({ lanes, mask }) {
  const dropping = lanes.filter(({ dropout }) => dropout.some((rate) => rate > 0));
  if (dropping.length === 0) {
    return "No network has dropout now: move a slider and neurons begin to go missing.";
  }
  const which = dropping.length === lanes.length ? (lanes.length === 1 ? "it" : "each") : names(dropping);
  return `At every step ${which} loses another random set of neurons${mask === "per_batch" ? ", one for the whole mini-batch" : ""}.`;
}

/** @param {Config["lanes"]} lanes */
function names(lanes) {
  if (lanes.length > 3) {
    return `each of ${lanes.length} of them`;
  }
  const quoted = lanes.map(({ name }) => `“${name}”`);
  return quoted.length > 1 ? `each of ${quoted.slice(0, -1).join(", ")} and ${quoted[quoted.length - 1]}` : quoted[0];
}
