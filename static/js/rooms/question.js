// The question of a room as a student has it: answered, seen beside the answers of the others, answered again, resolved.

/** @import { RoomQuestion, YouTopic } from "../types.js" */

import { find, h, setText } from "../base/dom.js";
import { createKnob } from "./knob.js";
import { counted, phaseWord } from "./words.js";

/**
 * Which vote counts in a phase: the first, the second, or none.
 * @param {RoomQuestion["phase"]} phase
 */
export function voteOf(phase) {
  return phase === "asked" ? 0 : phase === "again" ? 1 : null;
}

/**
 * A student's two answers.
 * @param {RoomQuestion} question
 * @param {YouTopic | undefined} you
 * @returns {[number | null, number | null]}
 */
export function answersOf({ id }, you) {
  return you?.answers[String(id)] ?? [null, null];
}

/**
 * What is said below the choices.
 * @param {RoomQuestion} question
 * @param {number | null} first The first answer.
 * @param {number | null} second
 */
export function questionNote({ phase, choices, truth, answered, of }, first, second) {
  const last = second ?? first;
  const have = `${answered} of ${counted(of, "student")} ${of === 1 ? "has" : "have"} answered.`;
  switch (phase) {
    case "asked":
      return first === null ? have : `${have} You can change yours until the host goes on.`;
    case "shown":
    case "running":
      return first === null ? "You did not answer." : `You chose “${choices[first]}”. Now watch what happens.`;
    case "again":
      return second === null ? `${have} Answer once more, from what you saw.` : `${have} You can still change yours.`;
    case "told":
      if (truth === null || last === null) {
        return last === null ? "You did not answer." : "";
      }
      return last === truth ? "You were right." : `Not “${choices[last]}”, but “${choices[truth]}”.`;
  }
}

/**
 * @param {object} options
 * @param {HTMLElement} options.element
 * @param {(question: number, choice: number) => Promise<*>} options.send
 * @param {(text: string) => void} options.announce
 */
export function createQuestion({ element, send, announce }) {
  const document = element.ownerDocument;
  const title = find(element, "h2");
  const kind = find(element, "[data-show=phase]");
  const list = find(element, ".choices");
  const note = find(element, "[data-show=question]");
  const trouble = find(element, "[data-show=trouble]");
  const why = find(element, "[data-show=why]");
  const state = {
    key: "",
    question: /** @type {RoomQuestion | null} */ (null),
    answers: /** @type {[number | null, number | null]} */ ([null, null]),
    told: /** @type {import("./knob.js").KnobState<number>} */ ({ value: null, status: "still", message: "" }),
  };
  const knob = createKnob({
    send: (/** @type {number} */ choice) => send(state.question?.id ?? 0, choice),
    onChange(told) {
      if (told.status === "refused" && state.told.status !== "refused") {
        announce(`Your answer was not taken: ${told.message}`);
      }
      state.told = told;
      write();
    },
  });
  list.addEventListener("change", ({ target }) => knob.move(Number(/** @type {HTMLInputElement} */ (target).value)));

  /** @param {RoomQuestion} question */
  function build({ id, choices, phase }) {
    const vote = voteOf(phase);
    const rows = choices.map((choice, index) => {
      const mark = h(document, "span", { class: "choice-mark" });
      const text = h(document, "span", { class: "choice-text" }, choice);
      if (vote !== null) {
        const input = h(document, "input", { type: "radio", name: `choice-${id}-${vote}`, value: index });
        return h(document, "label", { class: "choice is-open" }, input, text, mark);
      }
      const head = h(document, "span", { class: "choice-head" }, text, mark);
      const bars = h(document, "span", { class: "choice-bars", "aria-hidden": "true" });
      const count = h(document, "span", { class: "choice-count" });
      return h(document, "div", { class: "choice", role: "listitem" }, head, bars, count);
    });
    list.replaceChildren(...rows);
    list.setAttribute("role", vote === null ? "list" : "radiogroup");
  }

  /** Show what is known. */
  function write() {
    const { question, answers, told } = state;
    if (!question) {
      return;
    }
    const vote = voteOf(question.phase);
    const [first, second] =
      vote === null ? answers : [vote === 0 ? told.value : answers[0], vote === 1 ? told.value : null];
    for (const [index, row] of [...list.children].entries()) {
      const input = row.querySelector("input");
      if (input) {
        input.checked = told.value === index;
      } else {
        writeCounts(/** @type {HTMLElement} */ (row), index, question);
      }
      const isRight = question.phase === "told" && question.truth === index;
      const marks = [
        isRight ? "✓ right" : "",
        vote === 0 ? "" : markOf(index, first, vote === 1 ? null : second, question.phase),
      ];
      row.classList.toggle("is-right", isRight);
      setText(find(row, ".choice-mark"), marks.filter(Boolean).join(" · "));
    }
    setText(note, questionNote(question, first, second));
    const said = {
      ...{ still: "", sending: "Sending your answer …", taken: "✓ Your answer is in." },
      unsent: "Not sent yet: it goes out when the connection is back.",
      refused: `Not taken: ${told.message}`,
    };
    const isIn = vote !== null && told.status === "still" && told.value !== null;
    trouble.dataset.status = isIn ? "taken" : told.status;
    setText(trouble, vote === null ? "" : isIn ? said.taken : said[told.status]);
    setText(why, question.phase === "told" ? question.why : "");
  }

  /**
   * @param {HTMLElement} row
   * @param {number} index
   * @param {RoomQuestion} question
   */
  function writeCounts(row, index, { counts, counts_again: again, choices }) {
    const shown = [counts, again].filter((each) => each !== null);
    const bars = find(row, ".choice-bars");
    if (bars.children.length !== shown.length) {
      bars.replaceChildren(...shown.map(() => h(document, "i", {})));
    }
    const most = Math.max(1, ...shown.flatMap((each) => choices.map((_, choice) => each[choice] ?? 0)));
    for (const [at, each] of shown.entries()) {
      /** @type {HTMLElement} */ (bars.children[at]).style.width = `${(100 * (each[index] ?? 0)) / most}%`;
    }
    const [before, after] = [counts?.[index], again?.[index]];
    const words = after === undefined ? `${before ?? "–"}` : `${before ?? 0} → ${after}`;
    setText(find(row, ".choice-count"), words);
    const read = after === undefined ? counted(before ?? 0, "answer") : `${before ?? 0} at first, ${after} afterwards`;
    find(row, ".choice-count").setAttribute("aria-label", counts ? read : "not told yet");
  }

  return {
    element,
    /** The heading, for the focus. */
    title,
    /**
     * @param {RoomQuestion} question
     * @param {YouTopic} you
     */
    show(question, you) {
      const vote = voteOf(question.phase);
      const key = `${question.id} ${question.phase}`;
      const isNew = key !== state.key;
      state.question = question;
      state.answers = answersOf(question, you);
      const answer = vote === null ? null : state.answers[vote];
      if (isNew) {
        state.key = key;
        build(question);
        knob.restart(answer);
        element.dataset.phase = question.phase;
        setText(kind, phaseWord(question.phase));
        setText(title, question.text);
      } else {
        knob.echo(answer);
      }
      write();
      return isNew;
    },
    resend: () => knob.resend(),
  };
}

/**
 * Whose choice this was.
 * @param {number} index
 * @param {number | null} first
 * @param {number | null} second
 * @param {RoomQuestion["phase"]} phase
 */
function markOf(index, first, second, phase) {
  const isFirst = index === first;
  const isSecond = index === second;
  if (phase === "shown" || second === null || (isFirst && isSecond)) {
    return isFirst || isSecond ? (phase === "again" ? "your first answer" : "your answer") : "";
  }
  return isFirst ? "your first answer" : isSecond ? "your second answer" : "";
}
