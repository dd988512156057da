// Where a file of a run is chosen, or dropped: anywhere on the page.

import { find, setText } from "../base/dom.js";

/**
 * @param {HTMLElement} element
 * @param {(file: File) => Promise<string>} bring Opens a file, and says what came of it.
 */
export function createDrop(element, bring) {
  const document = element.ownerDocument;
  const zone = find(element, ".dropzone");
  const input = /** @type {HTMLInputElement} */ (find(element, "input"));
  const told = find(element, "[role=status]");

  /** @param {File | undefined} file */
  async function take(file) {
    if (!file || input.disabled) {
      return;
    }
    input.disabled = true;
    setText(told, "Opening the file …");
    setText(told, await bring(file));
    Object.assign(input, { disabled: false, value: "" }); // so that the same file can be chosen again
  }

  input.addEventListener("change", () => void take(input.files?.[0]));
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragover", (event) => {
    if (hasFiles(event)) {
      event.preventDefault();
      zone.classList.add("over");
    }
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) {
      zone.classList.remove("over");
    }
  });
  document.addEventListener("drop", (event) => {
    if (hasFiles(event)) {
      event.preventDefault();
      zone.classList.remove("over");
      void take(event.dataTransfer?.files[0]);
    }
  });
}
