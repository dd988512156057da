// What stands in place of the pictures when there is no run to draw, and never was on this page.

/** @import { Topic, View, ViewOptions } from "../types.js" */

import { find, setText } from "../base/dom.js";
import { asSentence } from "../words/connection.js";

/** @type {Topic[]} */
export const topics = ["connection", "run"];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store, actions }) {
  const window = /** @type {Window} */ (document.defaultView);
  const button = find(element, "button");
  // Without its knobs the page could show no run.
  button.addEventListener("click", () => (store.state.schema ? void actions.newRun({}) : window.location.reload()));
  return {
    update() {
      const { connection, run } = store.state;
      const isOver = connection.status === "ended" || connection.status === "failed";
      element.hidden = !isOver || run !== null;
      element.parentElement?.classList.toggle("is-empty", !element.hidden);
      setText(button, store.state.schema ? "Open a new run" : "Reload the page");
      setText(find(element, ".sentence"), asSentence(connection.message));
    },
    resize() {},
    destroy() {},
  };
}
