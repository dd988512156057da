// Remarks and errors, over the page so that nothing below them moves.

/** @import { Topic, View, ViewOptions } from "../types.js" */

import { h } from "../base/dom.js";
import { createNotes } from "../base/notes.js";

/** @type {Topic[]} */
export const topics = ["notice", "connection"];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store, actions }) {
  const { say } = createNotes(element);
  const state = { over: false };

  /** The run that was shown is gone for good: offer another like it. */
  function offer() {
    const { connection, run } = store.state;
    const over = connection.status === "ended" || connection.status === "failed";
    if (over && !state.over && run) {
      const again = h(document, "button", { type: "button", class: "primary" }, "Open a new run");
      again.addEventListener("click", () => void actions.newRun(run.first_config));
      say("error", connection.message, again);
    }
    state.over = over;
  }

  return {
    update() {
      for (const { kind, text } of store.state.unread.splice(0)) {
        say(kind, text);
      }
      offer();
    },
    resize() {},
    destroy: () => element.replaceChildren(),
  };
}
