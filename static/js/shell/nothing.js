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
  /** Whether another run can take its place: without its knobs the page could show none, and an exercise has one of its own. */
  const canOpen = () => store.state.schema !== null && store.state.exercise === null;
  button.addEventListener("click", () => (canOpen() ? void actions.newRun({}) : window.location.reload()));
  return {
    update() {
      const { connection, run } = store.state;
      const isOver = connection.status === "ended" || connection.status === "failed";
      element.hidden = !isOver || run !== null;
      element.parentElement?.classList.toggle("is-empty", !element.hidden);
      setText(button, canOpen() ? "Open a new run" : "Reload the page");
      setText(find(element, ".sentence"), asSentence(connection.message));
    },
    resize() {},
    destroy() {},
  };
}
