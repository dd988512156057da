// The words of the lab in a text: each term that is found there becomes a button, which terms.js opens. The glossary is fetched when it
// is needed first.

/** @import { Term } from "../types.js" */

import { addressOf } from "./addresses.js";
import { h, setText } from "./dom.js";

/** A term where it stands in a text. @typedef {{ term: Term, text: string }} Found */

/**
 * @typedef {object} Glossary
 * @property {Map<string, Term>} terms By id.
 * @property {(text: string, seen?: Set<string>) => (string | Found)[]} pieces A text in pieces: terms, and what stands between. Whole
 *   words are found, the longest first, and each term once; those in `seen` are not, and those that are found come to them. What stands
 *   in “quotation marks” is a name, and holds none.
 */

/** @typedef {{ glossary: Glossary | null, coming: Promise<Glossary> | null }} Held */

/** @type {WeakMap<Document, Held>} */
const held = new WeakMap();

/** Elements whose texts have their terms, or will get them. @type {WeakSet<Element>} */
const markedOnes = new WeakSet();

const NO_TEXT = "a, button, code, select"; // whose texts stay as they are

/**
 * The glossary, once it is there; one that did not come is asked for again by the next who needs it.
 * @param {Document} document
 * @returns {Promise<Glossary>} Rejects with what went wrong.
 */
export function loadGlossary(document) {
  const mine = held.get(document) ?? { glossary: null, coming: null };
  held.set(document, mine);
  mine.coming ??= fetched(document).then(
    (terms) => {
      mine.glossary = createGlossary(terms);
      return mine.glossary;
    },
    (error) => {
      mine.coming = null;
      throw error;
    },
  );
  return mine.coming;
}

/**
 * @param {Document} document
 * @returns {Promise<Term[]>}
 */
async function fetched(document) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  const answer = await window.fetch(addressOf("api/glossary"));
  if (!answer.ok) {
    throw new Error(`the server answered with status ${answer.status}`);
  }
  return answer.json();
}

/**
 * The glossary if it is there by now.
 * @param {Document} document
 */
export function glossaryOf(document) {
  return held.get(document)?.glossary ?? null;
}

/**
 * @param {readonly Term[]} list
 * @returns {Glossary}
 */
export function createGlossary(list) {
  const bySpelling = new Map(
    list.flatMap((each) => [each.term, ...each.also, ...each.forms].map((word) => [word.toLowerCase(), each])),
  );
  const words = [...bySpelling.keys()].sort((one, other) => other.length - one.length);
  const either = words.map((word) => word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|");
  const searched = new RegExp(`“[^”]*”|(?<![\\p{L}\\p{N}_\\-])(?:${either})(?![\\p{L}\\p{N}_\\-])`, "giu");
  return {
    terms: new Map(list.map((term) => [term.id, term])),
    pieces(text, seen = new Set()) {
      /** @type {(string | Found)[]} */
      const found = [];
      let place = 0;
      for (const match of text.matchAll(searched)) {
        const term = bySpelling.get(match[0].toLowerCase());
        if (term && !seen.has(term.id)) {
          seen.add(term.id);
          found.push(text.slice(place, match.index), { term, text: match[0] });
          place = match.index + match[0].length;
        }
      }
      return [...found, text.slice(place)].filter((piece) => piece !== "");
    },
  };
}

/**
 * A text with its terms, to be put where it shall stand: before the glossary has come, in an element that gets them then.
 * @param {Document} document
 * @param {string} text
 * @param {Set<string>} [seen] Ids of terms that are not marked any more; those that are marked come to them. Texts that share it have
 *   each term once together.
 * @returns {(Node | string)[]}
 */
export function marked(document, text, seen = new Set()) {
  const glossary = glossaryOf(document);
  if (glossary) {
    return nodesOf(document, glossary.pieces(text, seen));
  }
  const later = h(document, "span", {}, text);
  loadGlossary(document).then(
    (come) => later.replaceChildren(...nodesOf(document, come.pieces(text, seen))),
    () => {}, // it is a text all the same
  );
  return [later];
}

/**
 * Write a text with its terms where it may stand already.
 * @param {Element} element
 * @param {string} text
 * @param {Set<string>} [seen]
 */
export function setMarked(element, text, seen) {
  if (element.textContent !== text) {
    element.replaceChildren(...marked(element.ownerDocument, text, seen));
  }
}

/**
 * Write a text over one of another moment: where the terms in it are the same, they stay as they are, and what is between them is
 * written. Without the glossary it is a text alone.
 * @param {Element} element
 * @param {string} text
 */
export function rewriteMarked(element, text) {
  const glossary = glossaryOf(element.ownerDocument);
  if (!glossary) {
    setText(element, text);
    return;
  }
  const pieces = glossary.pieces(text);
  const nodes = [...element.childNodes];
  if (pieces.length === nodes.length && pieces.every((piece, index) => isLike(piece, nodes[index]))) {
    pieces.forEach((piece, index) => {
      if (typeof piece === "string" && nodes[index].textContent !== piece) {
        nodes[index].textContent = piece;
      }
    });
  } else {
    element.replaceChildren(...nodesOf(element.ownerDocument, pieces));
  }
}

/**
 * Whether a piece can be written where a node stands.
 * @param {string | Found} piece
 * @param {Node} node
 */
function isLike(piece, node) {
  return typeof piece === "string"
    ? node.nodeType === node.TEXT_NODE
    : node.nodeType === node.ELEMENT_NODE && node.textContent === piece.text;
}

/**
 * Mark the terms in an element whose texts stay as they are: each once.
 * @param {Element} element
 */
export function markIn(element) {
  const document = element.ownerDocument;
  if (markedOnes.has(element)) {
    return;
  }
  markedOnes.add(element);
  const glossary = glossaryOf(document);
  if (glossary) {
    mark(element, glossary);
  } else {
    loadGlossary(document).then(
      (come) => mark(element, come),
      () => void markedOnes.delete(element), // tried again the next time
    );
  }
}

/**
 * @param {Element} element
 * @param {Glossary} glossary
 */
function mark(element, glossary) {
  const document = element.ownerDocument;
  const walker = document.createTreeWalker(element, 4); // NodeFilter.SHOW_TEXT
  const texts = /** @type {Text[]} */ ([]);
  while (walker.nextNode()) {
    texts.push(/** @type {Text} */ (walker.currentNode));
  }
  const seen = new Set();
  for (const text of texts.filter(({ parentElement }) => !parentElement?.closest(NO_TEXT))) {
    const pieces = glossary.pieces(text.data, seen);
    if (pieces.some((piece) => typeof piece !== "string")) {
      text.replaceWith(...nodesOf(document, pieces));
    }
  }
}

/**
 * @param {Document} document
 * @param {readonly (string | Found)[]} pieces
 */
function nodesOf(document, pieces) {
  return pieces.map((piece) =>
    typeof piece === "string" ? document.createTextNode(piece) : buttonOf(document, piece),
  );
}

/**
 * What opens a term, as `term_button` of app/pages.py writes it: a link, which is broken into lines like the text around it.
 * @param {Document} document
 * @param {Found} found
 */
function buttonOf(document, { term, text }) {
  const link = { class: "term", href: addressOf(`glossary#term-${term.id}`), "data-term": term.id };
  return h(document, "a", { ...link, role: "button", "aria-haspopup": "dialog", "aria-expanded": "false" }, text);
}
