// A lesson's text as elements, with its numbers written. Nothing of it is mark-up.

/** @import { FactCall, LessonBlock, LessonInline } from "../types.js" */

import { addressOf } from "../base/addresses.js";
import { h } from "../base/dom.js";

/** Writes a fact. @typedef {(call: FactCall) => string} WriteFact */

/**
 * @param {Document} document
 * @param {LessonBlock[]} blocks
 * @param {WriteFact} write
 * @returns {HTMLElement[]}
 */
export function elementsOf(document, blocks, write) {
  return blocks.map(({ p, list, ordered, code }) => {
    if (p) {
      return h(document, "p", {}, ...inlinesOf(document, p, write));
    }
    if (list) {
      const items = list.map((item) => h(document, "li", {}, ...inlinesOf(document, item, write)));
      return h(document, ordered ? "ol" : "ul", {}, ...items);
    }
    return h(document, "pre", { tabindex: 0 }, h(document, "code", {}, code ?? ""));
  });
}

/**
 * @param {Document} document
 * @param {LessonInline[]} inlines
 * @param {WriteFact} write
 * @returns {(Node | string)[]}
 */
export function inlinesOf(document, inlines, write) {
  return inlines.map((each) => {
    if (typeof each === "string") {
      return each;
    }
    const { strong, em, code, link, inside = [], fact } = each;
    if (fact) {
      return h(document, "b", { class: "fact" }, write(fact));
    }
    if (code !== undefined) {
      return h(document, "code", {}, code);
    }
    if (link !== undefined) {
      const outside = /^https?:/.test(link);
      const more = outside ? { target: "_blank", rel: "noopener" } : {};
      return h(
        document,
        "a",
        { href: outside ? link : addressOf(link), ...more },
        ...inlinesOf(document, inside, write),
      );
    }
    return h(document, strong ? "strong" : "em", {}, ...inlinesOf(document, strong ?? em ?? [], write));
  });
}

/**
 * The facts that a text quotes.
 * @param {LessonBlock[]} blocks
 * @returns {FactCall[]}
 */
export function quotedIn(blocks) {
  return blocks.flatMap(({ p = [], list = [] }) => [p, ...list].flatMap(quotedInline));
}

/**
 * @param {LessonInline[]} inlines
 * @returns {FactCall[]}
 */
function quotedInline(inlines) {
  return inlines.flatMap((each) => {
    if (typeof each === "string") {
      return [];
    }
    const { fact, strong = [], em = [], inside = [] } = each;
    return [...(fact ? [fact] : []), ...[strong, em, inside].flatMap(quotedInline)];
  });
}
