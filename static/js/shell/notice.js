// Remarks and errors, over the page so that nothing below them moves.

/** @import { Topic, View, ViewOptions } from "../types.js" */

import { h } from "../base/dom.js";

/** @type {Topic[]} */
export const topics = ["notice", "connection"];

const STAYS = 8000; // ms for which a remark stays; an error stays until it is put away
const MOST = 4;

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store, actions }) {
  const window = /** @type {Window} */ (document.defaultView);
  const errors = h(document, "div", { role: "alert" });
  const remarks = h(document, "div", { role: "status" });
  element.append(errors, remarks);
  const state = { over: false };

  /**
   * @param {"error" | "info"} kind
   * @param {string} text
   * @param {HTMLElement | null} [button]
   */
  function say(kind, text, button = null) {
    const list = kind === "error" ? errors : remarks;
    for (const old of list.children) {
      if (old.firstElementChild?.textContent === text) {
        old.remove();
      }
    }
    const close = h(document, "button", { type: "button", class: "square", "aria-label": "Put away" }, "×");
    const note = h(
      document,
      "div",
      { class: `notice ${kind}` },
      h(document, "p", {}, text),
      ...(button ? [button] : []),
      close,
    );
    close.addEventListener("click", () => note.remove());
    button?.addEventListener("click", () => note.remove());
    list.append(note);
    if (list.children.length > MOST) {
      list.firstElementChild?.remove();
    }
    if (kind === "info") {
      window.setTimeout(() => note.remove(), STAYS);
    }
  }

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
