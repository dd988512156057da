// What the page of one's runs asks before it does something: a name, and whether one is sure.

import { find, setText } from "../base/dom.js";

/**
 * @param {HTMLDialogElement} dialog
 * @returns {(title: string, name: string, use: (name: string | null) => Promise<void>) => Promise<void>} Asks for a name, and stays
 *   open, with the reason, while it is refused.
 */
export function createRename(dialog) {
  const input = /** @type {HTMLInputElement} */ (find(dialog, "input"));
  const trouble = find(dialog, ".trouble");
  const form = find(dialog, "form");
  const state = { use: /** @type {(name: string | null) => Promise<void>} */ (async () => {}) };

  find(dialog, "[data-do=cancel]").addEventListener("click", () => dialog.close()); // no submit button: Enter means the other
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    trouble.hidden = true;
    try {
      await state.use(input.value.trim() || null);
      dialog.close();
    } catch (error) {
      setText(trouble, /** @type {Error} */ (error).message);
      trouble.hidden = false;
    }
  });

  return async (title, name, use) => {
    state.use = use;
    trouble.hidden = true;
    setText(find(dialog, "[data-show=whose]"), `“${title}”`);
    input.value = name;
    dialog.showModal();
    input.select();
  };
}

/**
 * @param {HTMLDialogElement} dialog
 * @returns {(title: string) => Promise<boolean>} Asks whether a run is to be deleted.
 */
export function createSure(dialog) {
  return (title) => {
    setText(find(dialog, "[data-show=whose]"), `“${title}”`);
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "delete"), { once: true });
    });
  };
}
