// How the link to a room is, where everybody can see it: a dot and a word.

/** @import { RoomLinkState } from "../types.js" */

import { find, setText } from "../base/dom.js";
import { linkWord } from "./words.js";

/**
 * @param {HTMLElement} element Has a `[data-show=link]` for the word.
 */
export function createConnection(element) {
  const word = find(element, "[data-show=link]");
  return {
    /** @param {RoomLinkState} state */
    show(state) {
      element.dataset.status = state.status;
      element.title = state.message;
      setText(word, linkWord(state));
    },
  };
}
