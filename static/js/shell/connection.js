// What there is to say of the connection, under the toolbar: that it is none, or none over a WebSocket, and what to do.

/** @import { Topic, View, ViewOptions } from "../types.js" */

import { setText } from "../base/dom.js";
import { asSentence } from "../words/connection.js";

/** @type {Topic[]} */
export const topics = ["connection"];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { store }) {
  return {
    update() {
      const { status, message } = store.state.connection;
      element.hidden = message === "" || status === "ended" || status === "failed"; // of which other views speak
      element.dataset.status = status;
      setText(element, asSentence(message));
    },
    resize() {},
    destroy() {},
  };
}
