// A caption of two sentences; what else there is to say is folded behind them, and pushes nothing until it is asked for. There the
// terms of the glossary can be opened; the two sentences, which change many times a second, have none.

import { h, setText } from "./dom.js";
import { loadGlossary, rewriteMarked } from "./glossary.js";

/** @typedef {{ head: HTMLElement, rest: HTMLElement, button: HTMLButtonElement }} Parts */

/** @type {WeakMap<Element, Parts>} */
const captions = new WeakMap();

const SENTENCE = /(?:“[^”]*”|\([^)]*\)|[^.!?…“(]|[.!?…(“](?!\s|$))+[.!?…]*\s*|[.!?…]+\s*/g;
const PLACE = /^Step [\d,]+\.\s*$/; // says where, and is none of the two
const UNFOLDED = "is-unfolded";
const SHOWN = 2;
const SHORT = 190; // letters: what is no longer than that is not folded

/**
 * Write a caption where it is another.
 * @param {HTMLElement} element
 * @param {string} text
 */
export function writeCaption(element, text) {
  const known = captions.get(element);
  const parts = known?.head.parentElement === element ? known : build(element);
  const { head, rest } = folded(text);
  setText(parts.head, head);
  if (element.classList.contains(UNFOLDED)) {
    rewriteMarked(parts.rest, rest);
  } else {
    setText(parts.rest, rest);
  }
  parts.button.hidden = rest === "";
}

/**
 * A text in two parts: what is shown, and what is folded.
 * @param {string} text
 */
export function folded(text) {
  const sentences = text.match(SENTENCE) ?? [];
  if (text.length <= SHORT || sentences.join("") !== text) {
    return { head: text, rest: "" };
  }
  const first = PLACE.test(sentences[0] ?? "") ? SHOWN + 1 : SHOWN;
  return { head: sentences.slice(0, first).join(""), rest: sentences.slice(first).join("") };
}

/**
 * @param {HTMLElement} element
 * @returns {Parts}
 */
function build(element) {
  const document = element.ownerDocument;
  const head = h(document, "span");
  const rest = h(document, "span", { class: "caption-rest" });
  const button = h(document, "button", {
    ...{ type: "button", class: "caption-more", "aria-label": "Details", "aria-expanded": "false", hidden: true },
  });
  button.addEventListener("click", () => {
    const isOpen = element.classList.toggle(UNFOLDED);
    button.setAttribute("aria-expanded", String(isOpen));
    element.style.minHeight = ""; // the room that steady.js keeps is that of the other
    if (isOpen) {
      loadGlossary(document).then(
        () => rewriteMarked(rest, rest.textContent ?? ""),
        () => {}, // it is a text all the same
      );
    }
  });
  element.replaceChildren(head, rest, button);
  const parts = { head, rest, button };
  captions.set(element, parts);
  return parts;
}
