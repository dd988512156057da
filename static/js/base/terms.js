// A term opens where it stands: its meaning and where that is from, beside the word that was pressed.

import { addressOf } from "./addresses.js";
import { h, setText } from "./dom.js";
import { loadGlossary } from "./glossary.js";

const EDGE = 12; // pixels, at least, between what is opened and the edges of the window
const GAP = 6; // pixels between it and its word

/**
 * Open terms when they are pressed, wherever in the document they stand.
 * @param {Document} document
 * @returns {() => void} Stops it.
 */
export function createTerms(document) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  const name = h(document, "dfn", { id: "term-name" });
  const close = h(document, "button", { type: "button", class: "square", "aria-label": "Close" }, "×");
  const meaning = h(document, "p", { "aria-live": "polite" });
  const source = h(document, "p", { class: "term-source" });
  const more = h(document, "a", { target: "_blank", rel: "noopener" }, "In the glossary");
  const card = h(
    document,
    "div",
    { id: "term", class: "term-about", popover: "manual", role: "dialog", "aria-labelledby": name.id, tabindex: -1 },
    h(document, "div", { class: "term-head" }, name, close),
    meaning,
    source,
    h(document, "p", {}, more),
  );
  const now = { button: /** @type {HTMLElement | null} */ (null), frame: 0 };

  /** @param {HTMLElement} button Of a term. */
  function open(button) {
    hide(false);
    const id = button.dataset.term ?? "";
    more.href = addressOf(`glossary#term-${id}`);
    fill(button.textContent ?? "", "…", "");
    (button.closest("dialog") ?? document.body).append(card); // what is outside an open dialog cannot be used
    card.showPopover();
    now.button = button;
    button.setAttribute("aria-expanded", "true");
    follow();
    card.focus({ preventScroll: true });
    loadGlossary(document).then(
      ({ terms }) => {
        const term = terms.get(id);
        if (now.button === button && term) {
          fill(term.term, [term.meaning, term.more].join(" ").trim(), `Source: ${term.source.join("; ")}`);
          place(button);
        }
      },
      (error) => {
        if (now.button === button) {
          setText(meaning, `Its meaning could not be fetched: ${error.message}.`);
        }
      },
    );
  }

  /**
   * @param {string} term
   * @param {string} about
   * @param {string} from
   */
  function fill(term, about, from) {
    setText(name, term);
    setText(meaning, about);
    setText(source, from);
  }

  /** @param {boolean} refocus Whether the word gets the focus back. */
  function hide(refocus) {
    const { button, frame } = now;
    if (!button) {
      return;
    }
    now.button = null;
    window.cancelAnimationFrame(frame);
    card.hidePopover();
    button.setAttribute("aria-expanded", "false");
    if (refocus) {
      button.focus({ preventScroll: true });
    }
  }

  /** Stay beside the word, which scrolls, and may move while a run trains. */
  function follow() {
    if (!now.button?.isConnected || !place(now.button)) {
      hide(false);
      return;
    }
    now.frame = window.requestAnimationFrame(follow);
  }

  /**
   * @param {HTMLElement} button
   * @returns {boolean} Whether the word is in sight.
   */
  function place(button) {
    const word = button.getBoundingClientRect();
    const { clientWidth: width, clientHeight: height } = document.documentElement;
    if (word.width === 0 || word.bottom < 0 || word.top > height) {
      return false;
    }
    const below = word.bottom + GAP;
    const above = word.top - GAP - card.offsetHeight;
    const top = below + card.offsetHeight > height - EDGE && above >= EDGE ? above : below;
    const left = Math.max(EDGE, Math.min(word.left, width - EDGE - card.offsetWidth));
    card.style.top = `${Math.round(Math.max(EDGE, Math.min(top, height - EDGE - card.offsetHeight)))}px`;
    card.style.left = `${Math.round(left)}px`;
    return true;
  }

  /** @param {MouseEvent} event */
  function press(event) {
    const button = termAt(event);
    const isPlain = !event.ctrlKey && !event.metaKey && !event.shiftKey; // else it is a link like any other
    if (button && isPlain && "showPopover" in card) {
      event.preventDefault();
      if (button === now.button) {
        hide(true);
      } else {
        open(button);
      }
    }
  }

  /**
   * What is done elsewhere closes it.
   * @param {Event} event
   */
  function leave(event) {
    const target = /** @type {Node} */ (event.target);
    if (now.button && !card.contains(target) && !now.button.contains(target)) {
      hide(false);
    }
  }

  /** @param {KeyboardEvent} event */
  function key(event) {
    const button = termAt(event);
    if (event.key === " " && button) {
      event.preventDefault(); // a button hears it, a link does not
      button.click();
    }
    if (!now.button) {
      return;
    }
    if (event.key === "Escape") {
      event.preventDefault(); // and no dialog around it closes
      event.stopPropagation();
      hide(true);
    } else if (event.key === "Tab" && document.activeElement === (event.shiftKey ? firstOf() : more)) {
      hide(true); // and on from the word
    }
  }

  /** What stands first in the card as the focus goes. */
  function firstOf() {
    return document.activeElement === card ? card : close;
  }

  close.addEventListener("click", () => hide(true));
  document.addEventListener("click", press);
  document.addEventListener("pointerdown", leave);
  document.addEventListener("focusin", leave);
  document.addEventListener("keydown", key, true);
  return () => {
    hide(false);
    document.removeEventListener("click", press);
    document.removeEventListener("pointerdown", leave);
    document.removeEventListener("focusin", leave);
    document.removeEventListener("keydown", key, true);
  };
}

/**
 * The term that an event is about.
 * @param {Event} event
 * @returns {HTMLElement | null}
 */
function termAt({ target }) {
  return /** @type {Partial<Element>} */ (target).closest?.(".term[data-term]") ?? null;
}
