// The watch that this one is compared with: chosen by its address or by a file, and named in the page's own address.

import { find, setText } from "../base/dom.js";
import { idIn, watchPage } from "./places.js";

const NAME = "with";

/**
 * @param {HTMLFormElement} form
 * @param {object} options
 * @param {string} options.own The id of the watch of this page.
 * @param {(file: Blob) => Promise<{ id: string }>} options.openFile
 * @param {(id: string | null) => void} options.onChoice
 */
export function createCompare(form, { own, openFile, onChoice }) {
  const window = /** @type {Window & typeof globalThis} */ (form.ownerDocument.defaultView);
  const input = /** @type {HTMLInputElement} */ (find(form, "input[type=text]"));
  const file = /** @type {HTMLInputElement} */ (find(form, "[data-do=compare-file]"));
  const alone = find(form, "[data-do=alone]");
  const trouble = find(form, ".trouble");

  /** @param {string | null} id */
  function choose(id) {
    const query = new URLSearchParams(window.location.search);
    query.delete(NAME);
    if (id !== null) {
      query.set(NAME, id);
    }
    const text = query.toString();
    window.history.replaceState(null, "", `${window.location.pathname}${text ? `?${text}` : ""}`);
    tell(id);
  }

  /** @param {string | null} id */
  function tell(id) {
    alone.hidden = id === null;
    input.value = id === null ? "" : new URL(watchPage(id), window.location.href).href;
    setText(trouble, "");
    onChoice(id);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const id = idIn(input.value);
    if (id === null) {
      setText(trouble, "This is no address of a watched model: it ends in /watch/ and 22 characters.");
    } else if (id === own) {
      setText(trouble, "This is the watch of this page itself.");
    } else {
      choose(id);
    }
  });
  file.addEventListener("change", async () => {
    const [chosen] = file.files ?? [];
    file.value = "";
    if (chosen) {
      try {
        choose((await openFile(chosen)).id);
      } catch (error) {
        setText(trouble, `The file was not opened: ${/** @type {Error} */ (error).message}`);
      }
    }
  });
  alone.addEventListener("click", () => {
    choose(null);
    input.focus();
  });

  const asked = idIn(new URLSearchParams(window.location.search).get(NAME) ?? "");
  if (asked !== null && asked !== own) {
    tell(asked);
  }
  return {
    /** @param {string} text */
    say: (text) => setText(trouble, text),
  };
}
