// Puts the list of lessons together: what this browser knows of each, the certificate, and the results as a table.

import { settleLinks } from "./base/addresses.js";
import { find, setText } from "./base/dom.js";
import { csv as csvOf, save } from "./base/download.js";
import { catchFaults } from "./base/faults.js";
import { createNotes } from "./base/notes.js";
import { createTheme } from "./base/theme.js";
import { createProgress } from "./lessons/progress.js";
import { cardWords, certificateOf, sumOf, sumWords, tableOf } from "./lessons/results.js";

/** @param {Document} document */
function start(document) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  settleLinks(document);
  const { say } = createNotes(find(document, "#notice"));
  const faults = catchFaults(window, say);
  createTheme({ document, store: { update() {} } });
  const progress = createProgress(() => window.localStorage);
  const cards = [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".course-card[data-lesson]"))];
  const course = cards.map((card) => ({
    number: Number(card.dataset.lesson),
    title: find(card, ".course-title").textContent?.trim() ?? "",
    steps: Number(card.dataset.steps),
    questions: Number(card.dataset.questions),
  }));
  const form = /** @type {HTMLFormElement} */ (find(document, "#certificate"));
  const csv = /** @type {HTMLButtonElement} */ (find(document, "[data-do=csv]"));
  const forget = /** @type {HTMLButtonElement} */ (find(document, "[data-do=forget]"));

  function draw() {
    const known = progress.all();
    for (const [index, card] of cards.entries()) {
      const words = cardWords(course[index], known[course[index].number]);
      const state = find(card, "[data-show=state]");
      if (words) {
        setText(state, words);
      }
      card.classList.toggle("is-finished", Boolean(known[course[index].number]?.finished));
    }
    const sum = sumOf(course, known);
    setText(find(document, "[data-show=sum]"), sumWords(sum));
    form.hidden = sum.finished === 0;
    csv.disabled = sum.answered === 0 && sum.finished === 0;
    forget.disabled = Object.keys(known).length === 0;
  }
  find(document, "#forgetful").hidden = works(window);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const name = /** @type {HTMLInputElement} */ (find(form, "input")).value.trim();
    const { text, lines, date } = certificateOf(course, progress.all(), new Date());
    setText(find(document, ".paper-name"), name || "A learner");
    setText(find(document, ".paper-text"), text);
    setText(find(document, ".paper-date"), date);
    find(document, ".paper-list").replaceChildren(
      ...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })),
    );
    window.print();
  });
  csv.addEventListener("click", () => {
    const table = tableOf(course, progress.all());
    save(document, new Blob([csvOf(table)], { type: "text/csv" }), `${table.name}.csv`);
  });
  forget.addEventListener("click", () => {
    if (window.confirm("Forget everything that this browser knows of your lessons?")) {
      for (const { number } of course) {
        progress.forget(number);
      }
      window.location.reload();
    }
  });
  draw();
  window.addEventListener("pageshow", draw);

  Object.assign(window, { dropoutLab: { faults } });
  document.documentElement.dataset.started = "true"; // start-boot.js stops watching
  find(document, "#starting").hidden = true;
  delete document.body.dataset.stopped;
}

/** Whether this browser remembers anything. @param {Window} window */
function works(window) {
  try {
    window.localStorage.setItem("dropout-lab-try", "1");
    window.localStorage.removeItem("dropout-lab-try");
    return true;
  } catch {
    return false;
  }
}

start(document);
