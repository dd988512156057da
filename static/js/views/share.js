// The dialog with the links to this run.

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

/**
 * Copy a field, also where the page is not served over https and the clipboard is closed to it.
 * @param {Document} document
 * @param {HTMLInputElement} input
 * @returns {Promise<boolean>}
 */
async function copy(document, input) {
  input.select();
  const { clipboard } = document.defaultView?.navigator ?? {};
  try {
    if (!clipboard) {
      return document.execCommand("copy");
    }
    await clipboard.writeText(input.value);
    return true;
  } catch {
    return false;
  }
}
