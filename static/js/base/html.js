// Text as HTML shows it. Pure.

/**
 * A text as HTML shows it, in an element or in an attribute with double quotes.
 * @param {string} text
 */
export function escaped(text) {
  const names = /** @type {Record<string, string>} */ ({
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  });
  return String(text).replace(/[&<>"']/g, (character) => names[character]);
}
