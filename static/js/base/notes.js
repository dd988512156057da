// Remarks and errors, over the page so that nothing below them moves: a remark goes by itself, an error stays.

import { h } from "./dom.js";

const STAYS = 8000; // ms
const MOST = 4;

/**
 * @param {HTMLElement} element
 */
export function createNotes(element) {
  const document = element.ownerDocument;
  const window = /** @type {Window} */ (document.defaultView);
  const errors = h(document, "div", { role: "alert" });
  const remarks = h(document, "div", { role: "status" });
  element.append(errors, remarks);

  return {
    /**
     * @param {"error" | "info"} kind
     * @param {string} text
     * @param {HTMLElement | null} [button]
     */
    say(kind, text, button = null) {
      const list = kind === "error" ? errors : remarks;
      for (const old of list.children) {
        if (old.firstElementChild?.textContent === text) {
          old.remove();
        }
      }
      const close = h(document, "button", { type: "button", class: "square", "aria-label": "Put away" }, "×");
      const said = h(document, "p", {}, text);
      const note = h(document, "div", { class: `notice ${kind}` }, said, ...(button ? [button] : []), close);
      close.addEventListener("click", () => note.remove());
      button?.addEventListener("click", () => note.remove());
      list.append(note);
      if (list.children.length > MOST) {
        list.firstElementChild?.remove();
      }
      if (kind === "info") {
        window.setTimeout(() => note.remove(), STAYS);
      }
    },
  };
}
