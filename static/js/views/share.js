// The dialog with the links to this run.

import { copy } from "../clipboard.js";
import { find, setText } from "../dom.js";

/**
 * @param {HTMLDialogElement} dialog
 * @param {object} options
 * @param {Document} options.document
 * @param {() => ({ reproduce: string, complete: boolean, watch: string } | null)} options.links
 * @returns {() => void} Opens it.
 */
export function createShare(dialog, { document, links }) {
  const field = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (find(dialog, `#${id}`));
  const told = find(dialog, "[data-show=copied]");
  const hint = find(dialog, "[data-show=reproduce]");
  const whole = hint.textContent ?? "";

  for (const button of dialog.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const input = field(/** @type {HTMLElement} */ (button).dataset.copy ?? "");
      setText(told, (await copy(document, input)) ? "Copied." : "Press Ctrl+C to copy it.");
    });
  }

  return () => {
    const found = links();
    if (found) {
      field("share-reproduce").value = found.reproduce;
      field("share-watch").value = found.watch;
      const short = "This run has too many changes for a link: this one opens a run with the knobs as they are now.";
      setText(hint, found.complete ? whole : short);
      setText(told, "");
      dialog.showModal();
    }
  };
}
