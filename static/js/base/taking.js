// What a reader takes away from a panel: its picture or its numbers.

/** @import { Figure } from "../charts/figures.js" */
/** @import { Actions, Store, View } from "../types.js" */

import { csv, fileName, save } from "./download.js";

/** A view whose picture is a chart has its figure, too. @typedef {View & { figure?: () => Figure | null }} Takeable */

/**
 * @param {object} options
 * @param {Document} options.document
 * @param {Store} options.store
 * @param {Actions} options.actions
 * @param {Map<string, Takeable>} options.views By panel.
 * @returns {(panel: string, format: string) => Promise<void>}
 */
export function createTaking({ document, store, actions, views }) {
  return async (panel, format) => {
    try {
      const view = views.get(panel);
      const blob = format === "csv" ? numbersOf(view) : ((await view?.picture?.()) ?? null);
      if (blob) {
        save(document, blob, fileName(store.state, panel, format));
      } else {
        actions.notify(
          "info",
          `There is nothing to save of this ${format === "csv" ? "panel in numbers" : "picture"} yet.`,
        );
      }
    } catch (error) {
      actions.notify("error", `The file could not be made: ${/** @type {Error} */ (error).message}`);
    }
  };
}

/** @param {Takeable | undefined} view */
function numbersOf(view) {
  const table = view?.table?.() ?? null;
  return table && new Blob([csv(table)], { type: "text/csv" });
}
