// The line below the panels of a page that stands in somebody else’s: the way to all of the lab, with the same run.

/** @import { Topic, View, ViewOptions } from "../types.js" */
/** @import { Links } from "../link/session.js" */

import { find, setText } from "../base/dom.js";

/** @type {Topic[]} */
export const topics = ["run", "exercise"];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions & { links: () => Links | null }} options
 * @returns {View}
 */
export function create(element, { store, links }) {
  const link = /** @type {HTMLAnchorElement} */ (find(element, "a"));
  const told = find(element, "[data-show=embed-told]");
  return {
    update() {
      link.href = links()?.whole ?? link.href;
      setText(told, store.state.role === "viewer" ? "You are watching; only its owner moves this run." : "");
    },
    resize() {},
    destroy() {},
  };
}
