// The dialog that opens and closes panels.

import { find, h } from "../base/dom.js";

/** @typedef {ReturnType<typeof import("../shell/panels.js").createPanels>} Panels */
/** @typedef {import("../shell/panels.js").Entry} Entry */

/**
 * @param {HTMLDialogElement} dialog
 * @param {{ document: Document, panels: Panels }} options
 * @returns {() => void} Opens it.
 */
export function createViewMenu(dialog, { document, panels }) {
  const list = find(dialog, "div.view-groups");
  const state = { opened: /** @type {string | null} */ (null) }; // the panel that was opened last

  function show() {
    const entries = panels.entries();
    list.replaceChildren(
      ...panels
        .groups()
        .map(({ title, panels: ids }) =>
          h(document, "fieldset", {}, h(document, "legend", {}, title), ...ids.flatMap((id) => line(entries.get(id)))),
        ),
    );
  }

  /** @param {Entry | undefined} entry */
  function line(entry) {
    if (!entry) {
      return [];
    }
    const { id, title, about, open, obstacle } = entry;
    const box = h(document, "input", { type: "checkbox", value: id, checked: open, disabled: obstacle !== "" });
    const told = h(document, "span", { class: "view-about" }, obstacle ? `Not here: ${obstacle}.` : about);
    return [
      h(document, "label", { class: "view-entry" }, box, h(document, "span", { class: "view-title" }, title), told),
    ];
  }

  list.addEventListener("change", ({ target }) => {
    const { value, checked } = /** @type {HTMLInputElement} */ (target);
    panels.set(value, checked);
    state.opened = checked ? value : state.opened === value ? null : state.opened;
  });
  find(dialog, "[data-do=standard]").addEventListener("click", () => {
    panels.reset();
    state.opened = null;
    show();
  });
  dialog.addEventListener("close", () => {
    if (state.opened) {
      panels.reveal(state.opened);
    }
  });

  return () => {
    state.opened = null;
    show();
    dialog.showModal();
  };
}
