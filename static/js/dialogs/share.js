// The dialog with the links to this run.

/** @import { Links } from "../link/session.js" */

import { copy } from "../base/clipboard.js";
import { find, setText } from "../base/dom.js";

const SHORT =
  "This run has more changes than a link can carry (servers and proxies take some 8,000 characters): this one opens a run with " +
  "the knobs as they are now.";

/**
 * @param {HTMLDialogElement} dialog
 * @param {object} options
 * @param {Document} options.document
 * @param {() => Links | null} options.links
 * @param {(links: Links) => void} options.embed Shows the tag for another page.
 * @param {() => void} options.exercise Opens the form that makes an exercise.
 * @returns {() => void} Opens it.
 */
export function createShare(dialog, { document, links, embed, exercise }) {
  const field = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (find(dialog, `#${id}`));
  const told = find(dialog, "[data-show=copied]");
  const hint = find(dialog, "[data-show=reproduce]");
  const whole = hint.textContent ?? "";
  const file = find(dialog, "[data-show=file]");
  const record = /** @type {HTMLAnchorElement} */ (find(file, "a[download]"));

  for (const button of dialog.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const input = field(/** @type {HTMLElement} */ (button).dataset.copy ?? "");
      setText(told, (await copy(document, input)) ? "Copied." : "Press Ctrl+C to copy it.");
    });
  }

  find(dialog, "[data-do=exercise]").addEventListener("click", () => {
    dialog.close();
    exercise();
  });

  return () => {
    const found = links();
    if (found) {
      field("share-reproduce").value = found.reproduce;
      field("share-watch").value = found.watch;
      setText(hint, found.complete ? whole : SHORT);
      file.hidden = found.complete;
      record.href = found.record;
      setText(told, "");
      embed(found);
      dialog.showModal();
    }
  };
}
