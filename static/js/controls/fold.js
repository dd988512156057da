// A group of knobs that folds away. Folded, it says what in it is otherwise than usual; its knobs are made when it is opened.

import { h, setText } from "../base/dom.js";

/**
 * @typedef {object} Fold
 * @property {HTMLDetailsElement} element
 * @property {(text: string) => void} say What is otherwise than usual; empty: nothing.
 */

/**
 * @param {Document} document
 * @param {string} title
 * @param {() => Node[]} make Makes what is inside, once.
 * @returns {Fold}
 */
export function createFold(document, title, make) {
  const note = h(document, "span", { class: "fold-note" });
  const summary = h(document, "summary", {}, h(document, "span", {}, title), note);
  const element = h(document, "details", { class: "fold" }, summary);
  element.addEventListener("toggle", () => element.append(...make()), { once: true });
  return {
    element,
    say: (text) => setText(note, text),
  };
}
