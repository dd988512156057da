// What is said at the end of a lesson.

/** @import { Lesson } from "../types.js" */
/** @import { Progress } from "./progress.js" */

import { addressOf } from "../base/addresses.js";
import { h } from "../base/dom.js";

/**
 * How many of the questions at the end were answered right.
 * @param {Lesson} lesson
 * @param {Progress} progress
 */
export function rightOf({ questions }, { answers }) {
  const names = Object.keys(questions);
  return { right: names.filter((name) => answers[name]?.right).length, of: names.length };
}

/**
 * @param {Lesson} lesson
 * @param {Progress} progress
 */
export function beforeWords({ before: name }, { before, answers }) {
  const after = answers[name];
  if (!before || !after) {
    return "";
  }
  if (before.right) {
    return after.right
      ? "You knew the answer to the first question before."
      : "Before the lesson you had the first question right, now wrong.";
  }
  return after.right
    ? "The question from before the lesson you now answer right."
    : "The question from before the lesson is still open: go back and look again.";
}

/**
 * @param {Document} document
 * @param {Lesson} lesson
 * @param {Progress} progress
 */
export function endWords(document, lesson, progress) {
  const { right, of } = rightOf(lesson, progress);
  const more = beforeWords(lesson, progress);
  const next = lesson.number < lesson.of;
  return [
    h(document, "p", { class: "lesson-score" }, h(document, "b", {}, `${right} of ${of}`), " questions right."),
    ...(more ? [h(document, "p", {}, more)] : []),
    h(
      document,
      "p",
      { class: "lesson-onward" },
      ...(next
        ? [
            h(
              document,
              "a",
              { class: "button primary", href: addressOf(`lessons/${lesson.number + 1}`) },
              "Next lesson",
            ),
            " ",
          ]
        : []),
      h(document, "a", { class: "button", href: addressOf("lessons") }, "All lessons"),
    ),
    h(
      document,
      "p",
      { class: "quiet" },
      "Stay as long as you like: this page is the whole lab, and all its controls work.",
    ),
  ];
}
