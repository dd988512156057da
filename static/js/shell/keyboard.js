// Keys that work anywhere on the page, unless the focused element has a use for them itself.

const TYPES = "input:not([type=range]):not([type=checkbox]), select, textarea, [contenteditable]";
const PRESSES = "button, summary, a, select, input[type=checkbox]";
const MOVES = "input, select, textarea, canvas, [role=listbox], [role=grid], [data-keys=arrows]";

/**
 * @param {object} options
 * @param {Document} options.document
 * @param {() => void} options.toggle
 * @param {() => void} options.step
 * @param {() => void} options.reset
 * @param {() => void} options.undo
 * @param {() => void} options.help
 * @returns {() => void} Stops listening.
 */
export function createKeyboard({ document, toggle, step, reset, undo, help }) {
  /** @type {Record<string, { act: () => void, unless: string }>} */
  const keys = {
    " ": { act: toggle, unless: `${TYPES}, ${PRESSES}, [data-keys=space]` },
    ArrowRight: { act: step, unless: `${TYPES}, ${MOVES}` },
    r: { act: reset, unless: TYPES },
    z: { act: undo, unless: TYPES },
    "?": { act: help, unless: TYPES },
  };

  /** @param {KeyboardEvent} event */
  function press(event) {
    const key = keys[event.key];
    const target = /** @type {Element} */ (event.target);
    const mine = key && !event.defaultPrevented && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (mine && !target.closest(key.unless) && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      if (!event.repeat || event.key === "ArrowRight") {
        key.act();
      }
    }
  }
  document.addEventListener("keydown", press);
  return () => document.removeEventListener("keydown", press);
}
