// Everybody has a run of their own: how many there are. Each phone shows its own; run.js draws one that the host shows.

/** @import { RoomTopic } from "../../types.js" */

import { h, setText } from "../../base/dom.js";
import { formatCount } from "../../model/stats.js";

/** @param {HTMLElement} place */
export function createOwn(place) {
  const document = place.ownerDocument;
  const cells = ["joined", "here", "waiting", "simulated"].map((name) => {
    const number = h(document, "dd");
    const word = h(document, "dt");
    const element = h(document, "div", { class: "own-count" }, word, number);
    return { name, number, word, element };
  });
  const about = h(
    document,
    "p",
    { class: "own-about" },
    "Everybody trains a network of their own and turns its knobs.",
  );
  place.append(about, h(document, "dl", { class: "own-counts" }, ...cells.map(({ element }) => element)));

  return {
    /** @param {RoomTopic} room */
    update({ students }) {
      /** @type {Record<string, string>} */
      const words = { joined: "have joined", here: "are here", waiting: "wait for a run", simulated: "are simulated" };
      for (const { name, number, word, element } of cells) {
        const count = /** @type {Record<string, number>} */ (students)[name] ?? 0;
        element.hidden = count === 0 && (name === "waiting" || name === "simulated");
        setText(word, words[name]);
        setText(number, formatCount(count));
      }
    },
  };
}
