// Making elements.

/**
 * Make an element. Attributes that are `null`, `undefined` or `false` are left out; `true` stands for an empty one.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {Document} document
 * @param {T} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(document, tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children);
  return element;
}

/**
 * Find what must be there.
 * @template {Element} [T=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {T}
 * @throws {Error} It is not there: the template and the script do not agree.
 */
export function find(root, selector) {
  const element = root.querySelector(selector);
  if (!element) {
    throw new Error(`the page has no ${selector}`);
  }
  return /** @type {T} */ (element);
}

/**
 * Write a text where it is another, so that nothing is laid out or read aloud for nothing.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}
