// Says in a view's place that the server could not make it, and why.

/** @import { Store } from "../types.js" */

import { goOn, say } from "../base/guard.js";
import { unmadeWords } from "../words/unmade.js";

const PART = "server";

/**
 * Say it for as long as the run's state does.
 * @param {{ document: Document, store: Store }} options
 */
export function tellUnmade({ document, store }) {
  /** @type {Set<string>} Kinds of frames of which it is said. */
  const said = new Set();
  store.subscribe(["run"], () => {
    const failed = store.state.run?.failed_views ?? {};
    for (const kind of new Set([...said, ...Object.keys(failed)])) {
      const element = document.getElementById(kind);
      if (element?.matches(".picture")) {
        tell(element, failed[kind]?.message);
      }
      said[kind in failed ? "add" : "delete"](kind);
    }
  });
}

/**
 * @param {HTMLElement} element
 * @param {string | undefined} reason Why it could not be made; without one it could.
 */
function tell(element, reason) {
  if (reason === undefined) {
    delete element.dataset.unmade;
    goOn(element, PART);
  } else {
    element.dataset.unmade = "true"; // what it waits for does not come
    say(element, PART, unmadeWords(reason));
  }
}
