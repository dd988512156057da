// Says what a new run would have otherwise, and waits: nothing happens before the reader says so.

/** @import { Topic, View, ViewOptions } from "../types.js" */

import { h, setText } from "../base/dom.js";
import { differences, draftTitle, emptyDraft, isEmpty, proposed } from "../state/draft.js";

/** @type {Topic[]} */
export const topics = ["draft", "run", "schema"];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store, actions }) {
  const changes = h(document, "p", { class: "draft-changes" });
  const start = h(document, "button", { type: "button", class: "primary" }, "Start new run");
  const undo = h(document, "button", { type: "button" }, "Undo");
  const title = h(document, "p", { class: "draft-title", role: "status" });
  element.append(title, changes, h(document, "div", { class: "buttons" }, start, undo));

  start.addEventListener("click", async () => {
    const { draft, run, schema } = store.state;
    if (run && schema) {
      start.disabled = true;
      await actions.newRun(proposed(draft, run.config, schema));
      start.disabled = false;
    }
  });
  undo.addEventListener("click", () => store.update("draft", { draft: emptyDraft() }));

  return {
    update() {
      const { draft, run, schema } = store.state;
      const empty = isEmpty(draft) || !run || !schema;
      element.hidden = empty;
      setText(title, empty ? "" : draftTitle(draft, schema));
      if (run && schema) {
        setText(changes, differences(draft, run.config, schema).join(" · "));
      }
    },
    resize() {},
    destroy: () => element.replaceChildren(),
  };
}
