// The elements of the drawing panel.

import { h } from "../base/dom.js";

/**
 * @param {Document} document
 * @param {HTMLCanvasElement} pad
 */
export function build(document, pad) {
  const button = (/** @type {string} */ text, /** @type {string} */ title) =>
    h(document, "button", { type: "button", title }, text);
  const undo = button("Undo", "Take the latest stroke back");
  const clear = button("Clear", "Begin anew");
  const turn = h(
    document,
    "button",
    { type: "button", "aria-pressed": "false", title: "Show the drawing at twelve angles" },
    "Turn it",
  );
  const angle = h(
    document,
    "select",
    { "aria-label": "Degrees from one picture to the next" },
    h(document, "option", { value: "15" }, "by 15°"),
    h(document, "option", { value: "30" }, "by 30°"),
  );
  const lane = h(document, "select", {});
  const small = h(document, "canvas", {
    class: "draw-small",
    role: "img",
    "aria-label": "The image that is asked about",
  });
  const size = h(document, "figcaption", {});
  const votes = h(document, "canvas", {
    class: "draw-votes",
    role: "img",
    "aria-label": "The votes of the sub-networks, class by class",
    "aria-describedby": "draw-sentence",
  });
  const legend = h(document, "ul", { class: "legend draw-legend" });
  const starts = h(document, "div", {
    class: "draw-starts",
    role: "group",
    "aria-label": "Begin with a training image",
  });
  const turned = h(document, "canvas", {
    class: "draw-turns",
    role: "img",
    "aria-label": "The same at twelve angles: images, probabilities, and how much doubt there is",
    "aria-describedby": "draw-turned-sentence",
  });
  const turnedLegend = h(document, "ul", { class: "legend draw-turned-legend" });
  const turnedWords = h(document, "p", { class: "sentence", id: "draw-turned-sentence" });
  const below = h(document, "div", { class: "draw-turned", hidden: true }, turned, turnedLegend, turnedWords);
  const note = h(document, "p", { class: "draw-note", hidden: true });
  const body = h(
    document,
    "div",
    { class: "draw-body" },
    h(
      document,
      "div",
      { class: "draw-side" },
      pad,
      h(document, "div", { class: "draw-buttons" }, undo, clear, turn, angle),
    ),
    h(
      document,
      "div",
      { class: "draw-said" },
      h(
        document,
        "div",
        { class: "draw-head" },
        h(document, "figure", {}, small, size),
        h(document, "label", { class: "draw-lane" }, "Network ", lane),
      ),
      votes,
      legend,
    ),
  );
  legend.append(
    h(document, "li", { class: "legend-draw-member" }, "a sub-network, as high as it is sure"),
    h(document, "li", { class: "legend-draw-average" }, "average of all"),
    h(document, "li", { class: "legend-draw-whole" }, "the whole network"),
  );
  return {
    ...{ undo, clear, turn, angle, lane, small, size, votes, starts, turned, turnedLegend, turnedWords },
    ...{ below, note, body, legend },
  };
}

/**
 * Buttons that begin with a training image, one for each class.
 * @param {HTMLElement} place
 * @param {string[]} classes
 * @param {(index: number) => void} begin
 */
export function showStarts(place, classes, begin) {
  const { ownerDocument: document } = place;
  if (place.dataset.classes === classes.join("\n")) {
    return;
  }
  place.dataset.classes = classes.join("\n");
  place.replaceChildren(
    h(document, "span", {}, "Or begin with a training image:"),
    ...classes.map((name, index) => {
      const button = h(document, "button", { type: "button", "aria-label": `Begin with a ${name}` }, name);
      button.addEventListener("click", () => begin(index));
      return button;
    }),
  );
}

/**
 * The lanes that can be asked; the one that was chosen stays chosen while it is there.
 * @param {HTMLSelectElement} select
 * @param {string[]} names
 * @param {number} followed
 */
export function showLanes(select, names, followed) {
  const { ownerDocument: document } = select;
  const texts = [`the selected network: ${names[followed] ?? ""}`, ...names];
  if ([...select.options].map(({ text }) => text).join("\n") === texts.join("\n")) {
    return;
  }
  const chosen = select.options.length - 1 === names.length ? select.value : "";
  select.replaceChildren(
    ...texts.map((text, index) => h(document, "option", { value: index === 0 ? "" : String(index - 1) }, text)),
  );
  select.value = chosen;
}
