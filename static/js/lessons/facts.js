// The numbers that a lesson quotes and compares, read from what the page shows. Pure: no DOM.
// Which there are, and what each takes, stands in app/lessons/facts.py.

/** @import { Comparison, FactCall, LessonMarks, Operand, Run, State } from "../types.js" */

import { indexOfLeast } from "../model/stats.js";

const { NaN: UNKNOWN } = Number;

/**
 * @typedef {Pick<State, "run" | "steps" | "scores" | "ensemble" | "insights" | "open" | "cursor">} Known
 * What facts are read from.
 */

/** @type {Record<string, (known: Known & { run: Run }, marks: LessonMarks, ...args: any[]) => number>} */
export const FACTS = {
  step: ({ run }) => run.step,
  steps_here: ({ run }, { step }) => run.step - step,
  seen_steps: (_, { seen }) => seen,
  playing: ({ run }) => Number(run.state === "playing"),
  looked_back: (_, { lookedBack }) => Number(lookedBack),
  other_example: ({ run }, { example }) => Number(run.follow.example !== example),
  followed: ({ run }) => run.follow.lane,
  open: ({ open }, _, panel) => Number(open.includes(panel)),
  asked: (_, { asked }) => Number(asked),
  seed: ({ run }) => run.config.seed,
  lanes: ({ run }) => run.config.lanes.length,
  train_size: ({ run }) => run.train_size,
  val_size: ({ run }) => run.val_size,
  classes: ({ run }) => run.classes.length,
  rate: ({ run }, _, lane, place) => run.config.lanes[lane]?.dropout[place] ?? UNKNOWN,
  factor: ({ run }, _, lane, place) => 1 / (1 - (run.config.lanes[lane]?.dropout[place] ?? UNKNOWN)),
  knob: ({ run }, _, lane, name) =>
    Number(/** @type {Record<string, *> | undefined} */ (run.config.lanes[lane])?.[name] ?? UNKNOWN),
  units: ({ run }, _, place) => run.layers[place]?.units ?? UNKNOWN,
  kept: ({ run, steps, cursor }, _, place) => steps.at(cursor ?? steps.last)?.kept[run.layers[place]?.name] ?? UNKNOWN,
  expected: ({ run }, _, place) => {
    const lane = run.config.lanes[run.follow.lane];
    return (run.layers[place]?.units ?? UNKNOWN) * (1 - (lane?.dropout[place] ?? UNKNOWN));
  },
  train_loss: ({ scores }, _, lane) => newest(scores.train_loss[lane], scores.length),
  val_loss: ({ scores }, _, lane) => newest(scores.val_loss[lane], scores.length),
  gap: ({ scores }, _, lane) =>
    newest(scores.val_loss[lane], scores.length) - newest(scores.train_loss[lane], scores.length),
  train_accuracy: ({ scores }, _, lane) => newest(scores.train_accuracy[lane], scores.length),
  val_accuracy: ({ scores }, _, lane) => newest(scores.val_accuracy[lane], scores.length),
  lead: ({ scores }, _, one, other) =>
    newest(scores.val_accuracy[one], scores.length) - newest(scores.val_accuracy[other], scores.length),
  best_loss: ({ scores }, _, lane) => scores.val_loss[lane]?.[best(scores, lane)] ?? UNKNOWN,
  best_step: ({ scores }, _, lane) => scores.step[best(scores, lane)] ?? UNKNOWN,
  first_below: ({ scores }, _, lane, loss) => {
    const row = [...(scores.train_loss[lane]?.subarray(0, scores.length) ?? [])].findIndex((each) => each < loss);
    return row < 0 ? UNKNOWN : scores.step[row];
  },
  least_lane: ({ scores }) => {
    const last = scores.val_loss.map((values) => newest(values, scores.length));
    return last.length === 0 || last.some(Number.isNaN) ? UNKNOWN : indexOfLeast(Float32Array.from(last), last.length);
  },
  members: ({ ensemble }) => ensemble?.tensors["accuracy/member"]?.shape[1] ?? UNKNOWN,
  member_accuracy: (known, _, lane) => meanOf(votes(known, "accuracy/member", lane)),
  average_accuracy: (known, _, lane) => votes(known, "accuracy/average", lane).at(-1) ?? UNKNOWN,
  whole_accuracy: (known, _, lane) => votes(known, "accuracy/scaling", lane)[0] ?? UNKNOWN,
  entropy: (known, _, lane) => entropyOf(votes(known, "vote/average", lane)),
  view: ({ insights, run }, _, view, tensor, place) => {
    const tensors = insights[view]?.tensors;
    const isOfNow = tensors?.step === undefined || Number(tensors.step.data[0]) === run.step;
    return isOfNow ? Number(tensors?.[tensor]?.data[place] ?? UNKNOWN) : UNKNOWN;
  },
  guess: (_, { guesses }, name) => guesses[name] ?? 0,
};

/**
 * @param {Float32Array | undefined} values
 * @param {number} length
 */
function newest(values, length) {
  return length > 0 ? (values?.[length - 1] ?? UNKNOWN) : UNKNOWN;
}

/**
 * The row of a network's least validation loss.
 * @param {Known["scores"]} scores
 * @param {number} lane
 */
function best(scores, lane) {
  return scores.val_loss[lane] ? indexOfLeast(scores.val_loss[lane], scores.length) : -1;
}

/**
 * What the sub-networks of one network have come to, at the step that the run is at; empty if that is not known.
 * @param {Known & { run: Run }} known
 * @param {string} name Of a tensor with a row for each network that votes.
 * @param {number} lane
 */
function votes({ ensemble, run }, name, lane) {
  const tensor = ensemble?.tensors[name];
  if (!ensemble || !tensor || Number(ensemble.tensors.step.data[0]) !== run.step) {
    return [];
  }
  const row = [...ensemble.tensors.lane.data].map(Number).indexOf(lane);
  const size = tensor.data.length / tensor.shape[0];
  return row < 0 ? [] : [...tensor.data].slice(row * size, (row + 1) * size).map(Number);
}

/** @param {number[]} values */
function meanOf(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** @param {number[]} shares @returns {number} In nats. */
function entropyOf(shares) {
  return shares.length === 0 ? UNKNOWN : shares.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
}

/**
 * @param {Known} known
 * @param {LessonMarks} marks
 * @param {FactCall} call
 * @returns {number} NaN while it is not known.
 */
export function factOf(known, marks, { name, args }) {
  const { run } = known;
  return run ? FACTS[name]({ ...known, run }, marks, ...args) : UNKNOWN;
}

/**
 * @param {Known} known
 * @param {LessonMarks} marks
 * @param {Operand} operand
 */
export function numberOf(known, marks, operand) {
  return operand.number ?? (operand.times ?? 1) * factOf(known, marks, /** @type {FactCall} */ (operand));
}

/** @type {Record<Comparison["operator"], (left: number, right: number) => boolean>} */
const OPERATORS = {
  "<": (left, right) => left < right,
  ">": (left, right) => left > right,
  "<=": (left, right) => left <= right,
  ">=": (left, right) => left >= right,
  "=": (left, right) => left === right,
  "!=": (left, right) => left !== right,
};

/**
 * Whether all comparisons hold; none does of what is not known.
 * @param {Known} known
 * @param {LessonMarks} marks
 * @param {Comparison[]} condition
 */
export function holds(known, marks, condition) {
  return condition.every(({ left, operator, right }) => {
    const [one, other] = [numberOf(known, marks, left), numberOf(known, marks, right)];
    return !Number.isNaN(one) && !Number.isNaN(other) && OPERATORS[operator](one, other);
  });
}

/**
 * The facts of which a condition speaks.
 * @param {Comparison[]} condition
 * @returns {FactCall[]}
 */
export function calledIn(condition) {
  return condition
    .flatMap(({ left, right }) => [left, right].filter((each) => each.number === undefined))
    .map((each) => /** @type {FactCall} */ (each));
}
