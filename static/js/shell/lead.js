// The line under the title: what dropout is, in a sentence that holds at every moment.

/** @import { Topic, View, ViewOptions } from "../types.js" */

import { find, setText } from "../base/dom.js";
import { lead } from "../words/lead.js";

/** @type {Topic[]} */
export const topics = ["run"];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { store }) {
  return {
    update() {
      const { run, schema } = store.state;
      if (run && schema) {
        const { text, helps } = lead(run.config, run.follow.lane, schema);
        setText(find(element, "[data-show=lead]"), ` ${text}`);
        find(element, "[data-show=helps]").hidden = !helps;
      }
    },
    resize() {},
    destroy() {},
  };
}
