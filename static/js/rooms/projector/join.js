// How one joins: code, link, QR code, and how many are here. Beside the picture, or large while there is none.

/** @import { RoomTopic } from "../../types.js" */

import { h, setText } from "../../base/dom.js";
import { halves, hereWords, linkWords } from "./words.js";

/**
 * @param {HTMLElement} place
 * @param {(code: string) => string} pictureOf Where the QR code is.
 */
export function createJoin(place, pictureOf) {
  const document = place.ownerDocument;
  const link = h(document, "p", { class: "join-link" });
  const code = h(document, "p", { class: "join-code" });
  const picture = h(document, "img", { class: "join-picture", alt: "", width: 300, height: 300 });
  const here = h(document, "p", { class: "join-here" });
  const only = h(document, "p", { class: "join-only", hidden: true }, "Phones cannot reach this address.");
  const locked = h(document, "p", { class: "join-locked", hidden: true }, "The room is locked: nobody can join.");
  const how = h(document, "p", { class: "join-how" }, "Join with the code");
  place.append(how, code, picture, link, only, here, locked);
  const drawn = { of: "" };

  return {
    /** @param {RoomTopic} room */
    update({ code: letters, link: address, only_here: isHere, students, locked: isLocked }) {
      const of = `${letters} ${address}`;
      if (drawn.of !== of) {
        drawn.of = of;
        code.replaceChildren(...halves(letters).map((half) => h(document, "span", {}, half)));
        link.replaceChildren(...brokenUp(document, linkWords(address)));
        picture.src = `${pictureOf(letters)}?for=${encodeURIComponent(address)}`; // another link, another picture
        picture.alt = `QR code of ${address}`;
      }
      setText(here, hereWords(students));
      only.hidden = !isHere;
      locked.hidden = !isLocked;
    },
  };
}

/**
 * An address that may be broken after its slashes, and else only where it does not fit.
 * @param {Document} document
 * @param {string} address
 */
function brokenUp(document, address) {
  return address.split(/(?<=\/)(?=[^/])/).flatMap((part, index) => (index > 0 ? [h(document, "wbr"), part] : [part]));
}
