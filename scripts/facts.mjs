// Works out a lesson's facts from a run that was trained without a page, with the page's own module: a line of JSON in, one out.
// Started by scripts/lessons.py.

import { createInterface } from "node:readline";
import { calledIn, factOf, holds } from "../static/js/lessons/facts.js";

/** Arrays as the page has them. @param {*} known */
function asKnown(known) {
  const number = (/** @type {number | null} */ value) => (value === null ? Number.NaN : value);
  const columns = (/** @type {(number | null)[][]} */ rows) => rows.map((row) => Float32Array.from(row, number));
  const frame = (/** @type {*} */ tensors) =>
    tensors && {
      tensors: Object.fromEntries(
        Object.entries(tensors).map(([name, { shape, data }]) => [name, { shape, data: data.map(number) }]),
      ),
    };
  const { scores, steps, ensemble, insights } = known;
  return {
    ...known,
    steps: {
      last: steps.last,
      at: (/** @type {number} */ step) => (step === steps.last ? { kept: steps.kept } : null),
    },
    scores: {
      length: scores.step.length,
      step: Uint32Array.from(scores.step),
      ...Object.fromEntries(
        ["train_loss", "val_loss", "train_accuracy", "val_accuracy"].map((name) => [name, columns(scores[name])]),
      ),
    },
    ensemble: frame(ensemble),
    insights: Object.fromEntries(Object.entries(insights).map(([name, tensors]) => [name, frame(tensors)])),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { known, marks, calls, conditions } = JSON.parse(line);
  const read = asKnown(known);
  const told = {
    values: calls.map((/** @type {*} */ call) => factOf(read, marks, call)),
    holds: conditions.map((/** @type {*} */ condition) => holds(read, marks, condition)),
    missing: conditions
      .flatMap(calledIn)
      .filter((/** @type {*} */ call) => Number.isNaN(factOf(read, marks, call)))
      .map((/** @type {*} */ { name }) => name),
  };
  process.stdout.write(`${JSON.stringify(told)}\n`); // what is not known is null
}
