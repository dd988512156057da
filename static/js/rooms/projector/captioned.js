// A chart with its heading, its legend, and a line of text below it, all of which keep their room.

import { h } from "../../base/dom.js";

/** What a sign of a legend means. @type {Record<string, string>} */
const SIGNS = {
  validation: "validation",
  train: "training, without dropout",
  kept: "kept",
  dropped: "dropped",
  student: "student",
  simulated: "simulated student",
};

/**
 * @param {Document} document
 * @param {string} title
 * @param {HTMLElement | null} [beside] What stands beside the heading.
 */
export function captioned(document, title, beside = null) {
  const plot = h(document, "div", { class: "plot" });
  const note = h(document, "p", { class: "exhibit-note" });
  const head = h(
    document,
    "figcaption",
    { class: "exhibit-head" },
    h(document, "h2", {}, title),
    ...(beside ? [beside] : []),
  );
  return { element: h(document, "figure", { class: "exhibit" }, head, plot, note), plot, note };
}

/**
 * @param {Document} document
 * @param {readonly string[]} signs
 */
export function legend(document, signs) {
  const items = signs.map((sign) =>
    h(document, "li", { class: `sign is-${sign}` }, h(document, "i", { "aria-hidden": "true" }), SIGNS[sign]),
  );
  return h(document, "ul", { class: "legend" }, ...items);
}

/**
 * A legend whose entries change.
 * @param {HTMLElement} list
 * @param {readonly { kind: string, text: string }[]} entries
 */
export function fillLegend(list, entries) {
  const document = list.ownerDocument;
  const said = JSON.stringify(entries);
  if (list.dataset.said !== said) {
    list.dataset.said = said;
    list.replaceChildren(
      ...entries.map(({ kind, text }) =>
        h(document, "li", { class: `sign is-${kind}` }, h(document, "i", { "aria-hidden": "true" }), text),
      ),
    );
  }
}
