// Brings a view onto the page and keeps it up to date.

/** @import { Topic, View, ViewOptions } from "../types.js" */

import { guarded } from "../base/guard.js";

/**
 * @typedef {object} ViewModule
 * @property {Topic[]} topics
 * @property {(element: HTMLElement, options: ViewOptions) => View} create
 */

/** In the place of a view that could not be made. @type {View} */
const ABSENT = { update() {}, resize() {}, destroy() {} };

/**
 * Make one view and keep it up to date, unless its panel is closed: then it is brought up to date when that opens. A view that
 * fails says so and stops none of the others; it is told of the next change all the same.
 * @param {HTMLElement} element
 * @param {ViewModule} module
 * @param {ViewOptions} options
 * @returns {View}
 */
export function mount(element, module, options) {
  const made = { view: ABSENT };
  const isMade = guarded(element, "create", () => {
    made.view = module.create(element, options);
  });
  if (!isMade) {
    return ABSENT;
  }
  const { view } = made;
  const panel = /** @type {HTMLElement | null} */ (element.closest("[data-panel]"));
  /** @type {Set<Topic>} */
  const missed = new Set();
  const resize = () => void guarded(element, "resize", () => view.resize());
  const update = (/** @type {Iterable<Topic>} */ changed) => {
    const wasClosed = missed.size > 0;
    for (const topic of changed) {
      missed.add(topic);
    }
    if (panel?.hidden) {
      return;
    }
    const topics = new Set([...missed].filter((topic) => module.topics.includes(topic)));
    missed.clear();
    guarded(element, "update", () => view.update(topics));
    if (wasClosed) {
      resize();
    }
  };
  options.store.subscribe(panel ? [...module.topics, "open"] : module.topics, update);
  update(module.topics);
  return { ...view, resize }; // of a closed panel a view finds no room, and does nothing
}
