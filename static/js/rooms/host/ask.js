// The question: one to choose or to write while there is none, and where it stands while there is one.

/** @import { OfferedTopic, RoomMember, RoomQuestion } from "../../types.js" */

import { find, h, setText } from "../../base/dom.js";
import { formatCount } from "../../model/stats.js";
import { choicesOf, choiceWords } from "../charts/answers.js";
import { missingOf, nextWords, PHASES, phaseWords } from "./words.js";

const [LEAST, MOST] = [2, 6]; // choices

/** @typedef {(op: string, fields?: Record<string, *>) => Promise<boolean>} Say */

/**
 * @param {HTMLElement} section
 * @param {Say} say
 */
export function createAsk(section, say) {
  const document = section.ownerDocument;
  const closed = find(section, "[data-show=closed]");
  const open = find(section, "[data-show=open]");
  const ready = /** @type {HTMLSelectElement} */ (find(section, "#ready"));
  const choices = find(section, "[data-show=own-choices]");
  const own = /** @type {HTMLFormElement} */ (find(section, "#own-question"));
  const text = /** @type {HTMLInputElement} */ (find(own, "#own-text"));
  const more = /** @type {HTMLButtonElement} */ (find(own, "[data-do=more]"));
  const fewer = /** @type {HTMLButtonElement} */ (find(own, "[data-do=fewer]"));
  const phases = find(open, ".phases");
  const list = find(open, ".host-choices");
  const next = /** @type {HTMLButtonElement} */ (find(open, "[data-do=next]"));
  const drop = find(open, "[data-do=drop]");
  const missing = find(open, "details");
  const state = {
    offered: /** @type {OfferedTopic["questions"]} */ ([]),
    question: /** @type {RoomQuestion | null} */ (null),
  };

  phases.append(...PHASES.map(({ title }) => h(document, "li", {}, title)));
  const count = () => choices.childElementCount;

  function grow() {
    const number = count() + 1;
    const input = h(document, "input", {
      type: "text",
      id: `own-choice-${number}`,
      maxlength: 120,
      required: true,
      autocomplete: "off",
    });
    choices.append(h(document, "p", {}, h(document, "label", { for: input.id }, `Choice ${number}`), input));
    tellSize();
  }
  function tellSize() {
    more.disabled = count() >= MOST;
    fewer.disabled = count() <= LEAST;
  }
  grow();
  grow();
  more.addEventListener("click", () => {
    grow();
    find(choices, "p:last-child input").focus();
  });
  fewer.addEventListener("click", () => {
    choices.lastElementChild?.remove();
    tellSize();
  });
  find(section, "[data-do=ask]").addEventListener("click", () => say("ask", { key: ready.value }));
  own.addEventListener("submit", async (event) => {
    event.preventDefault();
    const inputs = /** @type {HTMLInputElement[]} */ ([...choices.querySelectorAll("input")]);
    const given = inputs.map(({ value }) => value.trim()).filter(Boolean);
    if (await say("ask", { text: text.value.trim(), choices: given })) {
      own.reset();
    }
  });
  next.addEventListener("click", () => say("next", { phase: state.question?.phase }));
  drop.addEventListener("click", () => say("drop"));

  function tell() {
    const { question } = state;
    closed.hidden = question !== null;
    open.hidden = question === null;
    if (!question) {
      return;
    }
    setText(find(open, "[data-show=question]"), question.text);
    const at = PHASES.findIndex(({ phase }) => phase === question.phase);
    for (const [index, item] of [...phases.children].entries()) {
      item.classList.toggle("is-done", index < at);
      if (index === at) {
        item.setAttribute("aria-current", "step");
      } else {
        item.removeAttribute("aria-current");
      }
    }
    const rows = choicesOf(question).map((choice) => {
      const votes = choiceWords(choice);
      return `${choice.letter}  ${choice.text}${votes ? `: ${votes}` : ""}`;
    });
    while (list.childElementCount > rows.length) {
      list.lastElementChild?.remove();
    }
    for (const [index, row] of rows.entries()) {
      setText(list.children[index] ?? list.appendChild(h(document, "li")), row);
    }
    setText(find(open, "[data-show=phase]"), phaseWords(question));
    setText(find(open, "[data-show=why]"), question.phase === "told" ? question.why : "");
    const isReady = state.offered.some((each) => each.text === question.text);
    setText(next, nextWords(question, isReady));
    drop.hidden = question.phase === "told";
  }

  return {
    /** @param {RoomQuestion | null} question */
    update(question) {
      state.question = question;
      tell();
    },
    /** @param {OfferedTopic["questions"]} questions */
    offer(questions) {
      state.offered = questions;
      ready.replaceChildren(...questions.map((each) => h(document, "option", { value: each.key }, each.text)));
      find(section, "[data-show=ready]").hidden = questions.length === 0;
    },
    /** @param {readonly RoomMember[]} people */
    count(people) {
      const names = state.question ? missingOf(people, state.question) : [];
      const many =
        names.length === 1
          ? "1 who is here has not answered"
          : `${formatCount(names.length)} who are here have not answered`;
      missing.hidden = names.length === 0;
      setText(find(missing, "summary"), many);
      setText(find(missing, "p"), names.join(", "));
    },
  };
}
