// The one place that hears of errors that nothing else dealt with, and tells them.

/** An error as it was told, and how often it came. @typedef {{ text: string, times: number }} Fault */

// A browser says this where a size changed while sizes were being told; the next frame catches up, and nothing is wrong.
const HARMLESS = /^ResizeObserver loop/;
const FOREIGN = /-extension:\/\//;

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error || error instanceof DOMException ? error.message : String(error);
}

/**
 * Tell each uncaught exception, each `reportError()` and each rejection that nobody handled once, as a notice; the browser
 * itself writes every one into its console.
 * @param {Window & typeof globalThis} window
 * @param {(kind: "error", text: string) => void} notify
 * @returns {readonly Fault[]} Those told so far.
 */
export function catchFaults(window, notify) {
  /** @type {Fault[]} */
  const told = [];

  /**
   * @param {string} message
   * @param {string} place
   */
  function tell(message, place = "") {
    const text = `Something on this page failed: ${message}${place}. The rest goes on; loading the page anew may help.`;
    const before = told.find((fault) => fault.text === text);
    if (before) {
      before.times += 1;
      return;
    }
    told.push({ text, times: 1 });
    notify("error", text);
  }

  window.addEventListener("error", ({ message, error, filename, lineno }) => {
    if (!HARMLESS.test(message) && isOurs(window, filename, error)) {
      tell(error === null || error === undefined ? message : messageOf(error), placeOf(filename, lineno));
    }
  });
  window.addEventListener("unhandledrejection", ({ reason }) => {
    if (isOurs(window, "", reason)) {
      tell(messageOf(reason));
    }
  });
  return told;
}

/**
 * Whether an error is this page's, and not that of a browser's extension or of a script that hides where it is from.
 * @param {Window} window
 * @param {string} filename
 * @param {*} error
 */
function isOurs({ location }, filename, error) {
  if (FOREIGN.test(`${filename}${error?.stack ?? ""}`)) {
    return false;
  }
  return filename ? new URL(filename, location.href).origin === new URL(location.href).origin : Boolean(error);
}

/**
 * @param {string} filename
 * @param {number} line
 */
function placeOf(filename, line) {
  const file = filename?.split(/[?#]/)[0].split("/").pop();
  return file ? ` (${file}, line ${line})` : "";
}
