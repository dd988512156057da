// The part of the share dialog with the tag that shows panels of this run in somebody else’s page.

/** @import { Store } from "../types.js" */
/** @import { Links } from "../link/session.js" */

import { find, setText } from "../base/dom.js";
import { embedAddress, frameWords, sizeOf, tagOf } from "../model/embed.js";
import { panelGroups, picked, pickGroups } from "./pick.js";

/**
 * @param {HTMLElement} dialog
 * @param {object} options
 * @param {Document} options.document
 * @param {Store} options.store
 * @param {ReturnType<typeof import("../shell/panels.js").createPanels>} options.panels
 * @returns {(links: Links) => void} Shows it for a run.
 */
export function createEmbed(dialog, { document, store, panels }) {
  const tag = /** @type {HTMLTextAreaElement} */ (find(dialog, "#share-embed"));
  const list = find(dialog, "[data-show=embed-list]");
  const ways = /** @type {HTMLInputElement[]} */ ([...dialog.querySelectorAll("[name=embed-run]")]);
  const state = { links: /** @type {Links | null} */ (null) };

  function write() {
    const { links } = state;
    if (!links) {
      return;
    }
    const chosen = picked(list);
    const shown = (store.state.schema?.panels ?? []).filter(({ id }) => chosen.includes(id));
    const titles = chosen.map((id) => panels.entries().get(id)?.title ?? id);
    const isThis = ways.some(({ value, checked }) => value === "this" && checked);
    const address = embedAddress(isThis ? links.watch : links.reproduce, chosen);
    tag.value = tagOf(address, ["Dropout Lab", ...titles].join(", ").replace(", ", ": "), sizeOf(shown));
    setText(find(dialog, "[data-show=embed-panels]"), titles.join(", ") || "the panels that the page opens by itself");
  }
  dialog.addEventListener("change", ({ target }) => {
    if (/** @type {Element} */ (target).closest(".embed-choice")) {
      write();
    }
  });

  return (links) => {
    state.links = links;
    list.replaceChildren(...pickGroups(document, panelGroups(panels)));
    setText(find(dialog, "[data-show=frames]"), frameWords(document.body.dataset.frameAncestors ?? ""));
    write();
  };
}
