// The elements of which the panel of a search is made.

import { h } from "../base/dom.js";

export const BEST = 5; // rows of the table

/** @param {Document} document */
export function createSearchParts(document) {
  const progress = h(document, "progress", { "aria-label": "How much of the search is done", max: 1, value: 0 });
  const words = h(document, "p", { class: "search-words" });
  const turn = h(document, "button", { type: "button" }, "Stop the search");
  const title =
    "Opens a run of two networks: one without dropout, and the best, trained anew. It takes the place of the search.";
  const open = h(document, "button", { type: "button", title }, "Open the best as a run");
  const about = {
    class: "search-canvas",
    tabindex: 0,
    role: "img",
    "aria-label": "The candidates of the search, coloured by validation loss; the arrow keys walk from one to the next",
    "aria-describedby": "search-sentence",
  };
  const canvas = h(document, "canvas", about);
  const frame = h(document, "div", { class: "search-frame" }, canvas);
  const readout = h(document, "p", { class: "readout", "aria-live": "polite" });
  const heads = ["", "input", "hidden", "learning rate", "loss", "accuracy", "least loss"];
  const head = heads.map((text, at) => h(document, at === 0 ? "td" : "th", at === 0 ? {} : { scope: "col" }, text));
  const rows = h(document, "tbody");
  for (let place = 1; place <= BEST; place += 1) {
    const figures = heads.slice(1).map(() => h(document, "td", {}, "–"));
    rows.append(h(document, "tr", {}, h(document, "th", { scope: "row" }, String(place)), ...figures));
  }
  const best = h(
    document,
    "table",
    { class: "search-best" },
    h(document, "caption", {}, "The five best so far, by the mean validation loss of their last three evaluations"),
    h(document, "thead", {}, h(document, "tr", {}, ...head)),
    rows,
  );
  const buttons = h(document, "div", { class: "buttons" }, turn, open);
  const found = h(
    document,
    "div",
    { class: "search-found", hidden: true },
    progress,
    words,
    buttons,
    frame,
    readout,
    best,
  );
  const fold = h(document, "details", { class: "search-new" }, h(document, "summary", {}, "A new search"));
  return { found, fold, progress, words, turn, open, frame, canvas, readout, rows };
}
