// Puts the page together that says how a model is watched, and opens what was saved of one.

import { settleLinks } from "./base/addresses.js";
import { copy } from "./base/clipboard.js";
import { find, h, setText } from "./base/dom.js";
import { catchFaults } from "./base/faults.js";
import { createNotes } from "./base/notes.js";
import { createThemeButton } from "./base/themebutton.js";
import { createWatchApi } from "./watching/api.js";
import { watchPage } from "./watching/places.js";
import { createRecent } from "./watching/recent.js";

/** @param {Document} document */
function start(document) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  settleLinks(document);
  const faults = catchFaults(window, createNotes(find(document, "#notice")).say);
  createThemeButton(document);
  const api = createWatchApi(window.fetch.bind(window));
  const file = /** @type {HTMLInputElement} */ (find(document, "#open-file"));
  const trouble = find(document, ".trouble");

  file.addEventListener("change", async () => {
    const [chosen] = file.files ?? [];
    if (!chosen) {
      return;
    }
    setText(trouble, "");
    file.disabled = true;
    try {
      window.location.assign(watchPage((await api.open(chosen)).id));
    } catch (error) {
      setText(trouble, `The file was not opened: ${/** @type {Error} */ (error).message}`);
    } finally {
      file.disabled = false;
      file.value = "";
    }
  });

  find(document, "[data-do=copy]").addEventListener("click", async () => {
    const done = await copy(document, find(document, "pre code"));
    setText(find(document, "[data-show=copied]"), done ? "Copied." : "Selected: press Ctrl+C, or ⌘C.");
  });

  const seen = createRecent(() => window.localStorage).list();
  find(document, "[data-show=none]").hidden = seen.length > 0;
  find(document, ".recent").append(
    ...seen.map(({ id, name, at }) =>
      h(
        document,
        "li",
        {},
        h(document, "a", { href: watchPage(id) }, name),
        " ",
        h(
          document,
          "span",
          { class: "quiet" },
          new Date(at).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" }),
        ),
      ),
    ),
  );
  Object.assign(window, { dropoutLab: { faults } });
  document.documentElement.dataset.started = "true"; // start-boot.js stops watching
}

start(document);
