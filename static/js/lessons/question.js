// A question of a lesson: choices, or a number; asked once, and what is said of the answer stays.

import { h } from "../base/dom.js";

const UNSURE = 0; // the choice of somebody who does not know

/**
 * @param {object} options
 * @param {Document} options.document
 * @param {string} options.id Of its form.
 * @param {HTMLElement[]} options.legend
 * @param {HTMLElement[][]} options.choices
 * @param {boolean} [options.number] Whether the answer is a number.
 * @param {boolean} [options.unsure] Whether one may say that one does not know.
 * @param {number | null} options.given What was answered before.
 * @param {(value: number) => boolean} [options.isRight] Whether an answer is right, where one is.
 * @param {string} options.button
 * @param {(value: number, first: boolean) => HTMLElement[]} options.answer Hears the answer; what is said of it.
 */
export function createQuestion({
  document,
  id,
  legend,
  choices,
  number = false,
  unsure = false,
  given,
  isRight,
  button,
  answer,
}) {
  const name = `lesson-${id}`;
  const trouble = h(document, "p", { class: "trouble", role: "alert", id: `${name}-trouble` });
  const submit = h(document, "button", { type: "submit", class: "primary" }, button);
  const told = h(document, "div", { class: "lesson-told", role: "status" });
  const rows = choices.map((choice, index) =>
    row(String(index + 1), ...choice.flatMap((each) => [...each.childNodes])),
  );
  if (unsure) {
    rows.push(row(String(UNSURE), "I do not know yet"));
  }
  const field = h(document, "input", {
    ...{ type: "text", inputmode: "decimal", name, autocomplete: "off", size: 8 },
    ...{ "aria-describedby": trouble.id, "aria-label": "Your answer, a number" },
  });
  const form = h(
    document,
    "form",
    { class: "lesson-question", novalidate: true },
    h(
      document,
      "fieldset",
      {},
      h(document, "legend", {}, ...legend.flatMap((each) => [...each.childNodes])),
      ...(number ? [field] : rows),
    ),
    trouble,
    submit,
    told,
  );

  /**
   * @param {string} value
   * @param {...(Node | string)} words
   */
  function row(value, ...words) {
    return h(
      document,
      "label",
      { class: "lesson-choice" },
      h(document, "input", { type: "radio", name, value }),
      h(document, "span", {}, ...words),
    );
  }

  /** @returns {number | null} */
  function chosen() {
    if (number) {
      const text = field.value.trim().replace(/%$/, "").replace(",", ".").trim();
      return text !== "" && Number.isFinite(Number(text)) ? Number(text) : null;
    }
    const checked = /** @type {HTMLInputElement | null} */ (form.querySelector("input:checked"));
    return checked ? Number(checked.value) : null;
  }

  /**
   * @param {number} value
   * @param {boolean} first
   */
  function close(value, first) {
    for (const input of form.querySelectorAll("input")) {
      input.disabled = true;
      const words = number ? value : Number(input.value);
      const marks = [!number && words === value ? "your answer" : "", isRight?.(words) ? "right" : ""].filter(Boolean);
      if (number && isRight && marks.length === 0) {
        marks.push("not right");
      }
      if (marks.length > 0) {
        input.parentElement?.append(h(document, "span", { class: "lesson-mark" }, marks.join(", ")));
        input.parentElement?.classList.toggle("is-right", marks.includes("right"));
      }
    }
    submit.hidden = true;
    told.replaceChildren(...answer(value, first));
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const value = chosen();
    if (value === null) {
      trouble.textContent = number
        ? field.value.trim() === ""
          ? "Write a number first."
          : `“${field.value.trim()}” is not a number. Write it with digits, such as 12.5.`
        : "Choose an answer first.";
      return;
    }
    trouble.textContent = "";
    close(value, true);
  });
  if (given !== null) {
    if (number) {
      field.value = String(given);
    } else {
      const input = /** @type {HTMLInputElement | null} */ (form.querySelector(`input[value="${given}"]`));
      if (input) {
        input.checked = true;
      }
    }
    close(given, false);
  }
  return form;
}
