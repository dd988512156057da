// Draws what a chart describes, as SVG: elements stay from one picture to the next, and only what differs is touched.

const SVG = "http://www.w3.org/2000/svg";

/**
 * One element of a chart. The key tells it from its siblings, in this picture and the next.
 * @typedef {object} Mark
 * @property {string} key
 * @property {string} tag
 * @property {Record<string, string | number>} at Its attributes.
 * @property {string} [text]
 * @property {Mark[]} [inside]
 */

/**
 * A chart: in units of which 16 are the size of a letter in the page's root.
 * @typedef {object} Chart
 * @property {number} width
 * @property {number} height
 * @property {Mark[]} marks
 * @property {string} words What it shows, for who does not see it.
 */

/** @typedef {{ width: number, height: number }} Size */

/**
 * @param {string} key
 * @param {string} tag
 * @param {Record<string, string | number>} at
 * @param {string | Mark[]} [content] A text, or the marks inside.
 * @returns {Mark}
 */
export function mark(key, tag, at, content) {
  return typeof content === "string"
    ? { key, tag, at, text: content }
    : { key, tag, at, ...(content ? { inside: content } : {}) };
}

/**
 * @param {Document} document
 * @param {Element} place What the picture is put into.
 */
export function createPainter(document, place) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("class", "chart-svg");
  picture.setAttribute("role", "img");
  place.append(picture);

  return {
    element: picture,
    /** @param {Chart} chart */
    paint({ width, height, marks, words }) {
      write(picture, { viewBox: `0 0 ${round(width)} ${round(height)}`, "aria-label": words });
      patch(picture, marks);
    },
  };
}

/** What a chart drew last, by its element. @type {WeakMap<Element, Map<string, Element>>} */
const drawn = new WeakMap();

/**
 * @param {Element} parent
 * @param {readonly Mark[]} marks
 */
function patch(parent, marks) {
  /** @type {Map<string, Element>} */
  const before = drawn.get(parent) ?? new Map();
  /** @type {Map<string, Element>} */
  const now = new Map();
  let next = parent.firstElementChild;
  for (const { key, tag, at, text, inside } of marks) {
    const name = `${tag} ${key}`;
    const element = before.get(name) ?? parent.ownerDocument.createElementNS(SVG, tag);
    now.set(name, element);
    write(element, at);
    for (const each of element.getAttributeNames().filter((known) => !(known in at))) {
      element.removeAttribute(each);
    }
    if (text !== undefined && element.textContent !== text) {
      element.textContent = text;
    }
    if (inside) {
      patch(element, inside);
    }
    if (element === next) {
      next = element.nextElementSibling;
    } else {
      parent.insertBefore(element, next);
    }
  }
  for (const [name, element] of before) {
    if (now.get(name) !== element) {
      element.remove();
    }
  }
  drawn.set(parent, now);
}

/**
 * @param {Element} element
 * @param {Record<string, string | number>} attributes
 */
function write(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    const text = typeof value === "number" ? round(value) : value;
    if (element.getAttribute(name) !== text) {
      element.setAttribute(name, text);
    }
  }
}

/** @param {number} value */
function round(value) {
  return String(Math.round(value * 10) / 10);
}
