// What is probably wrong with the training loop, in red, at the top: the last one, and behind it all of them.

/** @import { WatchWarning } from "../types.js" */

import { h, setText } from "../base/dom.js";
import { joined } from "../words/common.js";
import { counted, timesWords, warningAdvice, warningPlace } from "./words.js";

/** @param {HTMLElement} element */
export function createWarnings(element) {
  const document = element.ownerDocument;
  const none = h(document, "p", { class: "quiet" }, "No warning so far.");
  const text = h(document, "span", { class: "warning-text", role: "alert" });
  const place = h(document, "span", { class: "warning-place" });
  const times = h(document, "span", { class: "warning-times" });
  const button = h(
    document,
    "button",
    { type: "button", class: "warning-more", "aria-expanded": "false" },
    times,
    "Details",
  );
  const list = h(document, "ul", { class: "warning-list", hidden: true });
  const last = h(document, "div", { class: "warning" }, text, " ", place);
  const box = h(document, "div", { class: "warning-box", hidden: true }, last, button, list);
  element.append(none, box);

  button.addEventListener("click", () => {
    list.hidden = !list.hidden;
    button.setAttribute("aria-expanded", String(!list.hidden));
    element.classList.toggle("is-open", !list.hidden);
  });

  return {
    /** @param {readonly WatchWarning[]} warnings */
    update(warnings) {
      const newest = warnings[warnings.length - 1];
      none.hidden = warnings.length > 0;
      box.hidden = warnings.length === 0;
      element.classList.toggle("has-some", warnings.length > 0);
      if (newest) {
        setText(text, joined([newest.text, warningAdvice(newest)]));
        setText(place, warningPlace(newest));
        setText(times, warnings.length === 1 ? timesWords(newest.count) : counted(warnings.length, "warning"));
        list.replaceChildren(...warnings.map((warning) => itemOf(document, warning)));
      }
    },
  };
}

/**
 * @param {Document} document
 * @param {WatchWarning} warning
 */
function itemOf(document, warning) {
  return h(
    document,
    "li",
    {},
    h(document, "strong", {}, joined([warning.text, warningAdvice(warning)])),
    " ",
    warningPlace(warning),
  );
}
