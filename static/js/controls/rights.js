// Who only watches sees every knob and can turn none.

/** @import { Topic, View, ViewOptions } from "../types.js" */

import { find } from "../base/dom.js";

/** @type {Topic[]} */
export const topics = ["schema", "run", "draft", "connection"];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const { MutationObserver } = /** @type {Window & typeof globalThis} */ (document.defaultView);
  const watching = find(element, "#watching");

  function update() {
    const { role } = store.state;
    watching.hidden = role !== "viewer";
    const allowed = role === "owner";
    for (const knob of element.querySelectorAll("input, select, button:not(.helptip)")) {
      const control = /** @type {HTMLInputElement | HTMLSelectElement | HTMLButtonElement} */ (knob);
      control.disabled = !allowed;
    }
  }

  const observer = new MutationObserver(update); // a group makes its knobs when it is opened
  observer.observe(element, { childList: true, subtree: true });
  return { update, resize() {}, destroy: () => observer.disconnect() };
}
