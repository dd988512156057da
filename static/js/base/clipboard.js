// Copying, also where the page is not served over https and the clipboard is closed to it.

/**
 * Select what an element holds, and copy it.
 * @param {Document} document
 * @param {HTMLElement} element An input or any element with text.
 * @returns {Promise<boolean>} Whether it was copied; if not, it is selected and Ctrl+C will do.
 */
export async function copy(document, element) {
  const isInput = element.matches("input, textarea");
  const input = /** @type {HTMLInputElement} */ (element);
  if (isInput) {
    input.select();
  } else {
    document.getSelection()?.selectAllChildren(element);
  }
  const { clipboard } = document.defaultView?.navigator ?? {};
  try {
    if (!clipboard) {
      return document.execCommand("copy");
    }
    await clipboard.writeText(isInput ? input.value : (element.textContent ?? ""));
    return true;
  } catch {
    return false;
  }
}
