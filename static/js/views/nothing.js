// What stands in place of the pictures when there is no run to draw, and never was on this page.

/** @import { Topic, View, ViewOptions } from "../types.js" */

import { find, setText } from "../dom.js";

/** @type {Topic[]} */
export const topics = ["connection", "run"];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { store, actions }) {
  find(element, "button").addEventListener("click", () => void actions.newRun({}));
  return {
    update() {
      const { connection, run } = store.state;
      const isOver = connection.status === "ended" || connection.status === "failed";
      element.hidden = !isOver || run !== null;
      element.parentElement?.classList.toggle("is-empty", !element.hidden);
      setText(find(element, ".sentence"), asSentence(connection.message));
    },
    resize() {},
    destroy() {},
  };
}

/** @param {string} text */
function asSentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return whole === "" || whole.endsWith(".") ? whole : `${whole}.`;
}
