// The card of a teacher’s exercise: its question, a place to choose an answer, and what is said of it then. exercise-boot.js has drawn
// it before the first paint.

/** @import { Exercise, State, Topic, View, ViewOptions } from "../types.js" */

import { find, h, setText } from "../base/dom.js";
import { answerWords } from "../words/exercise.js";

/** @type {Topic[]} */
export const topics = ["exercise", "experiment", "run", "connection"];

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store, actions }) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  const root = document.documentElement;
  const show = (/** @type {string} */ name) => find(element, `[data-show=exercise-${name}]`);
  const form = /** @type {HTMLFormElement} */ (find(element, "form"));
  const button = /** @type {HTMLButtonElement} */ (find(element, "[data-do=answer]"));
  const current = { exercise: /** @type {Exercise | null} */ (null) };

  /** @returns {number | null} */
  const chosen = () => {
    const value = new window.FormData(form).get("answer");
    return value === null ? null : Number(value);
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const answer = chosen();
    const { exercise, run, role } = store.state;
    if (answer !== null && exercise) {
      const starts = exercise.first && role === "owner" && run?.state === "paused";
      actions.answer(answer);
      find(document, "[data-do=toggle]").focus({ preventScroll: true });
      if (starts) {
        void actions.play();
      }
    }
  });
  form.addEventListener("change", () => showForm(store.state));

  /** @param {Exercise} exercise */
  function fill(exercise) {
    if (current.exercise === exercise) {
      return;
    }
    current.exercise = exercise;
    setText(show("title"), exercise.title);
    setText(show("question"), exercise.question);
    setText(show("after"), exercise.after);
    const before = chosen();
    show("choices").replaceChildren(
      ...exercise.choices.map((text, index) => choice(document, text, index, index === before)),
    );
    document.title = `${exercise.title} · Dropout Lab`;
  }

  /** @param {State} state */
  function showForm({ exercise, answer, run, role, connection }) {
    const mine = role === "owner" && connection.status === "live";
    const starts = exercise?.first && mine && run?.step === 0 && run.state === "paused";
    setText(button, starts ? "Start" : "Answer");
    button.disabled = run === null || answer !== null || chosen() === null;
    for (const radio of form.querySelectorAll("input")) {
      radio.disabled = run === null || answer !== null;
    }
  }

  return {
    update() {
      const { exercise, answer } = store.state;
      element.hidden = exercise === null;
      if (!exercise) {
        return;
      }
      fill(exercise);
      root.toggleAttribute("data-answered", answer !== null);
      if (answer !== null) {
        setText(show("said"), answerWords(exercise, answer)); // until then it only keeps the room
      }
      showForm(store.state);
    },
    resize() {},
    destroy() {},
  };
}

/**
 * @param {Document} document
 * @param {string} text
 * @param {number} value
 * @param {boolean} checked
 */
function choice(document, text, value, checked) {
  const radio = h(document, "input", { type: "radio", name: "answer", value, checked });
  return h(document, "label", { class: "guess-lane" }, radio, h(document, "span", {}, text));
}
