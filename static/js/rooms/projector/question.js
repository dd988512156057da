// A question on the projector: its text, the choices, how many have answered, and how the answers are spread.

/** @import { RoomQuestion } from "../../types.js" */

import { h, setText } from "../../base/dom.js";
import { changeWords, choicesOf, choiceWords, phaseWords } from "../charts/answers.js";

/** @param {HTMLElement} place */
export function createQuestion(place) {
  const document = place.ownerDocument;
  const text = h(document, "p", { class: "question-text" });
  const list = h(document, "ol", { class: "options" });
  const key = h(document, "p", { class: "options-key" });
  const phase = h(document, "p", { class: "question-phase" });
  const bar = h(document, "div", { class: "answered" }, h(document, "div", { class: "answered-bar" }));
  const truth = h(document, "p", { class: "question-truth" });
  place.append(text, list, key, bar, phase, truth);
  /** @type {{ id: number | null, rows: ReturnType<typeof rowOf>[] }} */
  const drawn = { id: null, rows: [] };

  /** @param {string} letter */
  function rowOf(letter) {
    const bars = ["first", "again"].map((vote) => {
      const number = h(document, "span", { class: "tally-number" });
      const element = h(
        document,
        "div",
        { class: `tally is-${vote}` },
        h(document, "div", { class: "tally-bar" }),
        number,
      );
      return { element, number };
    });
    const words = h(document, "span", { class: "option-text" });
    const mark = h(document, "span", { class: "option-mark" });
    const spoken = h(document, "span", { class: "visually-hidden" });
    const head = h(
      document,
      "div",
      { class: "option-head" },
      h(document, "b", { class: "option-letter" }, letter),
      words,
      mark,
    );
    const votes = h(
      document,
      "div",
      { class: "tallies", "aria-hidden": "true" },
      ...bars.map(({ element }) => element),
    );
    return { element: h(document, "li", { class: "option" }, head, votes, spoken), words, mark, spoken, bars };
  }

  return {
    /** @param {RoomQuestion} question */
    update(question) {
      const choices = choicesOf(question);
      if (drawn.id !== question.id || drawn.rows.length !== choices.length) {
        drawn.id = question.id;
        drawn.rows = choices.map(({ letter }) => rowOf(letter));
        list.replaceChildren(...drawn.rows.map(({ element }) => element));
      }
      setText(text, question.text);
      for (const [index, choice] of choices.entries()) {
        const { element, words, mark, spoken, bars } = drawn.rows[index];
        setText(words, choice.text);
        element.classList.toggle("is-right", choice.right === true);
        setText(mark, choice.right ? "✓ true" : "");
        setText(spoken, choiceWords(choice));
        for (const [at, vote] of [choice.first, choice.again].entries()) {
          bars[at].element.classList.toggle("is-there", vote !== null);
          bars[at].element.style.setProperty("--share", String(vote?.share ?? 0));
          setText(bars[at].number, vote ? `${Math.round(100 * vote.share)}% · ${vote.count}` : "");
        }
      }
      const both = question.counts !== null && question.counts_again !== null;
      list.classList.toggle("is-many", choices.length > 4);
      key.classList.toggle("is-there", both);
      setText(key, both ? "Upper bar: at first. Lower bar: after the run." : "");
      const isOpen = question.phase === "asked" || question.phase === "again";
      bar.classList.toggle("is-there", isOpen);
      bar.style.setProperty("--share", String(question.of > 0 ? question.answered / question.of : 0));
      setText(phase, phaseWords(question));
      setText(truth, [changeWords(question), question.phase === "told" ? question.why : ""].filter(Boolean).join(" "));
    },
  };
}
