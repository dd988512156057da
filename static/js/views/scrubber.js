// The slider below the network: looks back at an earlier step, and returns to the newest.

/** @import { Topic, View, ViewOptions } from "../types.js" */

import { h, setText } from "../base/dom.js";
import { formatCount } from "../model/stats.js";
import { shownSteps } from "../paint/held.js";

/** @type {Topic[]} */
export const topics = ["run", "steps", "cursor"];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store, actions }) {
  const range = h(document, "input", {
    ...{ type: "range", id: "scrubber", class: "scrubber", "aria-label": "Look back at an earlier step" },
    ...{ step: 1, min: 0, max: 0, value: 0, disabled: true },
  });
  const at = h(document, "output", { for: range.id, class: "scrub-at" });
  const live = h(document, "button", { type: "button", class: "raster-live", disabled: true }, "back to live");
  element.replaceChildren(range, at, live);

  range.addEventListener("input", () => {
    const { first, last } = shownSteps(store);
    if (last > 0) {
      actions.scrub(Math.min(last, Math.max(first, Number(range.value))));
    }
  });
  range.addEventListener("keydown", (event) => event.stopPropagation()); // its arrow keys are its own
  live.addEventListener("click", () => {
    actions.scrub(null);
    range.focus();
  });

  return {
    update() {
      const { cursor } = store.state;
      const { first, last } = shownSteps(store);
      const value = cursor ?? last;
      range.min = String(Math.min(first, value));
      range.max = String(last);
      range.value = String(value);
      range.disabled = last === 0;
      range.setAttribute(
        "aria-valuetext",
        cursor === null ? `live, step ${value}` : `step ${value}, ${last - value} steps back`,
      );
      live.disabled = cursor === null;
      setText(at, last === 0 ? "" : `step ${formatCount(value)}`);
    },
    resize() {},
    destroy: () => element.replaceChildren(),
  };
}
