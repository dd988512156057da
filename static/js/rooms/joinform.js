// The form by which a student joins a room: a code and a name, and what is wrong with either beside it.

import { find, setText } from "../base/dom.js";
import { asSentence } from "../words/connection.js";
import { codeIn, codeTrouble } from "./codes.js";

/** How long a name may be. */
export const LONGEST_NAME = 24;
const OF_NAME = /name/; // in the code of a refusal

/**
 * @param {object} options
 * @param {HTMLFormElement} options.form Has fields `code` and, perhaps, `name`, each with a place for what is wrong with it.
 * @param {(code: string, name: string) => Promise<void>} options.join Rejects with the server's words.
 */
export function createJoinForm({ form, join }) {
  const code = /** @type {HTMLInputElement} */ (find(form, "[name=code]"));
  const name = /** @type {HTMLInputElement | null} */ (form.querySelector("[name=name]"));
  const button = /** @type {HTMLButtonElement} */ (find(form, "button"));
  const label = button.textContent ?? "";

  /**
   * @param {HTMLInputElement} input
   * @param {string} text Empty: nothing is wrong.
   */
  function tell(input, text) {
    const place = find(form, `#${input.getAttribute("aria-describedby")}`);
    setText(place, text);
    if (text === "") {
      input.removeAttribute("aria-invalid");
    } else {
      input.setAttribute("aria-invalid", "true");
      input.focus();
    }
  }

  for (const input of [code, name]) {
    input?.addEventListener("input", () => tell(input, ""));
  }
  code.addEventListener("change", () => {
    code.value = codeIn(code.value);
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const typed = codeIn(code.value);
    const called = name?.value.trim() ?? "";
    code.value = typed;
    const trouble = codeTrouble(typed);
    if (trouble) {
      tell(code, trouble);
      return;
    }
    if (name && called === "") {
      tell(name, "Type the name that the class knows you by.");
      return;
    }
    button.disabled = true;
    setText(button, "Joining …");
    try {
      await join(typed, called);
    } catch (error) {
      const { code: what = "", message } = /** @type {{ code?: string, message: string }} */ (error);
      button.disabled = false;
      const isOfName = name !== null && (OF_NAME.test(what) || /\bname\b/i.test(message));
      tell(isOfName ? name : code, wordsOf(what, message));
    }
    button.disabled = false;
    setText(button, label);
  });

  return {
    /** @param {string} text */
    fill(text) {
      code.value = text;
    },
    /**
     * Say at the code why it cannot be joined.
     * @param {string} text
     */
    refuse(text) {
      const before = form.ownerDocument.activeElement;
      tell(code, text);
      if (before instanceof HTMLElement && before !== form.ownerDocument.body) {
        before.focus(); // somebody types a name already
      }
    },
    /** Where one types first. */
    focus() {
      (code.value && name ? name : code).focus();
    },
  };
}

/**
 * A refusal in words, as a sentence.
 * @param {string} code
 * @param {string} message
 */
export function wordsOf(code, message) {
  if (code === "" && !message.endsWith(".")) {
    return "The server does not answer. Try again in a moment."; // the browser’s own words differ from one to the other
  }
  return asSentence(message);
}
