// A learner's results over the whole course. Pure: no DOM.

/** @import { DataTable } from "../types.js" */
/** @import { Progress } from "./progress.js" */

/** What the list of lessons says of one. @typedef {{ number: number, title: string, steps: number, questions: number }} Entry */

/** @param {Progress | undefined} progress */
function rightIn(progress) {
  return Object.values(progress?.answers ?? {}).filter(({ right }) => right).length;
}

/**
 * @param {Entry} entry
 * @param {Progress | undefined} progress
 * @returns {string} Empty: not begun.
 */
export function cardWords({ steps, questions }, progress) {
  if (progress?.finished) {
    return `Finished: ${rightIn(progress)} of ${questions} right`;
  }
  return progress && progress.furthest > 0 ? `Begun: step ${progress.furthest + 1} of ${steps}` : "";
}

/**
 * @param {Entry[]} course
 * @param {Record<string, Progress>} known
 */
export function sumOf(course, known) {
  const all = course.map(({ number }) => known[number]);
  return {
    finished: all.filter((each) => each?.finished).length,
    lessons: course.length,
    right: all.reduce((sum, each) => sum + rightIn(each), 0),
    answered: all.reduce((sum, each) => sum + Object.keys(each?.answers ?? {}).length, 0),
  };
}

/** @param {ReturnType<typeof sumOf>} sum */
export function sumWords({ finished, lessons, right, answered }) {
  if (answered === 0 && finished === 0) {
    return "Nothing answered yet.";
  }
  return `${finished} of ${lessons} lessons finished, ${right} of ${answered} answers right.`;
}

/**
 * @param {Entry[]} course
 * @param {Record<string, Progress>} known
 * @param {Date} now
 */
export function certificateOf(course, known, now) {
  const done = course.filter(({ number }) => known[number]?.finished);
  const { right, answered, finished, lessons } = sumOf(done, known);
  const whole = finished === course.length;
  return {
    text: whole
      ? `has worked through all ${course.length} lessons of Dropout Lab, and answered ${right} of ${answered} questions right.`
      : `has worked through ${lessons} of ${course.length} lessons of Dropout Lab, and answered ${right} of ${answered} questions right.`,
    lines: done.map(({ number, title, questions }) => `${title}: ${rightIn(known[number])} of ${questions}`),
    date: now.toLocaleDateString("en", { dateStyle: "long" }),
  };
}

/**
 * The results as a table: a row for each answer.
 * @param {Entry[]} course
 * @param {Record<string, Progress>} known
 * @returns {DataTable}
 */
export function tableOf(course, known) {
  const rows = course.flatMap(({ number, title }) => {
    const { before = null, answers = {}, finished = null } = known[number] ?? {};
    const asked = before ? [/** @type {[string, import("./progress.js").Answer]} */ (["before", before])] : [];
    return [...asked, ...Object.entries(answers)].map(([name, { given, right }]) => [
      number,
      title,
      name,
      given,
      right ? "yes" : "no",
      finished ?? "",
    ]);
  });
  return { name: "dropout-lab-lessons", columns: ["lesson", "title", "question", "answer", "right", "finished"], rows };
}
