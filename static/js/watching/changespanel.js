// What was changed from the page, by the numbers that stand on the charts, and the same as code.

/** @import { Known } from "./known.js" */

import { copy } from "../base/clipboard.js";
import { h, setText } from "../base/dom.js";
import { formatCount } from "../model/stats.js";
import { changeWords } from "./words.js";

/** @param {HTMLElement} element */
export function createChangesPanel(element) {
  const document = element.ownerDocument;
  const none = h(document, "p", { class: "quiet" });
  const list = h(document, "ol", { class: "change-list", tabindex: 0, "aria-label": "Changes", hidden: true });
  const code = h(document, "code");
  const button = h(document, "button", { type: "button" }, "Copy");
  const copied = h(document, "span", { role: "status", class: "quiet" });
  const whole = h(
    document,
    "div",
    { hidden: true },
    h(document, "div", { class: "card-head" }, h(document, "h3", {}, "As code"), copied, button),
    h(document, "pre", { class: "code", tabindex: 0, "aria-label": "The changes as Python" }, code),
  );
  element.append(none, list, whole);
  button.addEventListener("click", async () => {
    setText(copied, (await copy(document, code)) ? "Copied." : "Selected: press Ctrl+C, or ⌘C.");
  });
  const now = { said: "" };

  return {
    /** @param {Known} known */
    update({ watch, may }) {
      const { changes } = watch;
      none.hidden = changes.length > 0;
      setText(none, noneWords(may, watch.control));
      list.hidden = changes.length === 0;
      whole.hidden = watch.code.trim() === "" || changes.length === 0;
      const said = JSON.stringify(changes);
      if (said !== now.said) {
        now.said = said;
        list.replaceChildren(
          ...changes.map((change) =>
            h(
              document,
              "li",
              {},
              `From step ${formatCount(change.step)}: `,
              h(document, "span", { class: "code-name" }, change.name),
              ` ${changeWords(change)}`,
            ),
          ),
        );
        list.scrollTop = list.scrollHeight;
      }
      if (code.textContent !== watch.code) {
        setText(code, watch.code);
        setText(copied, "");
      }
    },
  };
}

/**
 * @param {boolean} may
 * @param {boolean} control
 */
const noneWords = (may, control) => {
  if (may) {
    return "None so far. A rate that is moved here is listed, and leaves a line on the charts at its step.";
  }
  return control
    ? "None so far. Who has the address that the program printed can change rates."
    : "This model is only looked at. With watch(…, control=True) its rates can be changed here.";
};
