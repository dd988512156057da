// The slider below the network: looks back at an earlier step, and returns to the newest.

/** @import { Topic, View, ViewOptions } from "../types.js" */

import { h, setText } from "../base/dom.js";
import { canLookBack } from "../model/past.js";
import { formatCount } from "../model/stats.js";
import { shownSteps } from "../state/held.js";

/** @type {Topic[]} */
export const topics = ["run", "steps", "cursor"];

const FORK = "A new run with the same past up to this step, and a future of its own; the present run stays as it is";

/**
 * The steps that can be looked at: of most runs all of them.
 * @param {import("../types.js").Store} store
 */
function reach(store) {
  const { first, last } = shownSteps(store);
  const { run, steps } = store.state;
  return { first: last > 0 && run && canLookBack(run) ? 1 : first, last: Math.max(last, steps.last) };
}

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
  const fork = h(
    document,
    "button",
    { type: "button", class: "scrub-fork", disabled: true, title: FORK },
    "Go on from here",
  );
  element.replaceChildren(range, at, live, fork);

  range.addEventListener("input", () => {
    const { first, last } = reach(store);
    if (last > 0) {
      actions.scrub(Math.min(last, Math.max(first, Number(range.value))));
    }
  });
  fork.addEventListener("click", () => {
    const { cursor } = store.state;
    if (cursor !== null) {
      actions.fork(cursor);
    }
  });
  range.addEventListener("keydown", (event) => event.stopPropagation()); // its arrow keys are its own
  live.addEventListener("click", () => {
    actions.scrub(null);
    range.focus();
  });

  return {
    update() {
      const { cursor, run } = store.state;
      const { first, last } = reach(store);
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
      fork.disabled = cursor === null || !run || !canLookBack(run);
      setText(at, last === 0 ? "" : `step ${formatCount(value)}`);
    },
    resize() {},
    destroy: () => element.replaceChildren(),
  };
}
