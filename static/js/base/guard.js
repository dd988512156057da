// A view that fails says so where it stands, and stops none of the others.

import { h } from "./dom.js";
import { messageOf } from "./faults.js";

/** What stands still of a view, by part, each with what is said of it. @typedef {Map<string, string>} Stopped */

/** @type {WeakMap<HTMLElement, { note: HTMLElement, stopped: Stopped }>} */
const notes = new WeakMap();

/**
 * Do some of a view's work. What it throws is told, and said beside the view until the same part succeeds.
 * @param {HTMLElement} element Where the view draws.
 * @param {string} part Which of its works: each stops and goes on by itself.
 * @param {() => void} work
 * @returns {boolean} Whether it succeeded.
 */
export function guarded(element, part, work) {
  try {
    work();
  } catch (error) {
    stop(element, part, error);
    return false;
  }
  goOn(element, part);
  return true;
}

/**
 * Say that a part of a view stopped. The same error of the same part is told once: a picture may fail at every frame.
 * @param {HTMLElement} element
 * @param {string} part
 * @param {unknown} error
 * @param {string} [words] What is said beside the view.
 */
export function stop(element, part, error, words = `This stopped: ${messageOf(error)}. It is tried again.`) {
  if (say(element, part, words)) {
    reportError(error);
  }
}

/**
 * Say below a picture why a part of it stands still, until that part goes on.
 * @param {HTMLElement} element
 * @param {string} part
 * @param {string} words
 * @returns {boolean} Whether that was not said already.
 */
export function say(element, part, words) {
  const { stopped } = noteOf(element);
  const isNew = stopped.get(part) !== words;
  if (isNew) {
    stopped.set(part, words);
    write(element);
  }
  return isNew;
}

/**
 * @param {HTMLElement} element
 * @param {string} part
 */
export function goOn(element, part) {
  if (notes.get(element)?.stopped.delete(part)) {
    write(element);
  }
}

/** @param {HTMLElement} element */
function noteOf(element) {
  const found = notes.get(element) ?? {
    note: h(element.ownerDocument, "p", { class: "stopped" }),
    stopped: new Map(),
  };
  notes.set(element, found);
  return found;
}

/**
 * Write below a picture what stopped of it. What is no picture, as the toolbar, has no room for that: its notice must do.
 * @param {HTMLElement} element
 */
function write(element) {
  const { note, stopped } = noteOf(element);
  note.textContent = [...new Set(stopped.values())].join(" ");
  if (stopped.size === 0) {
    note.remove();
  } else if (element.matches(".picture")) {
    element.after(note);
  }
}
