// The numbers that a lesson quotes and compares, read from what the page shows. Pure: no DOM.
// Which there are, and what each takes, stands in app/lessons/facts.py.

/** @import { Comparison, FactCall, LessonMarks, Operand, Run, State } from "../types.js" */

import { AXES, ranked } from "../model/candidates.js";
import { panelOf } from "../model/catalogue.js";
import { dropoutOf } from "../model/kinds.js";
import { indexOfLeast } from "../model/stats.js";
import { figures, judge, lastRows, order } from "../model/verdict.js";

const { NaN: UNKNOWN } = Number;

/**
 * @typedef {Pick<State, "schema" | "run" | "steps" | "scores" | "ensemble" | "insights" | "open" | "cursor">} Known
 * What facts are read from.
 */

/** @type {Record<string, (known: Known & { run: Run }, marks: LessonMarks, ...args: any[]) => number>} */
export const FACTS = {
  step: (known) => stepOf(known),
  steps_here: (known, { step }) => stepOf(known) - step,
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
  keep: ({ run }, _, lane, place) => keepOf(run, lane, place),
  group_rate: ({ run }, _, lane, place) => run.config.lanes[lane]?.spatial_dropout?.[place - 1] ?? UNKNOWN,
  factor: ({ run }, _, lane, place) => factorIn(run, lane, place),
  kind: ({ run }, _, lane, name) => Number(run.config.lanes[lane]?.dropout_kind === name),
  knob: ({ run }, _, lane, name) =>
    Number(/** @type {Record<string, *> | undefined} */ (run.config.lanes[lane])?.[name] ?? UNKNOWN),
  units: ({ run }, _, place) => run.layers[place]?.units ?? UNKNOWN,
  kept: (known, _, place) => keptIn(known, place),
  expected: ({ run }, _, place) => (run.layers[place]?.units ?? UNKNOWN) * keepOf(run, run.follow.lane, place),
  scaled: (known, _, place) => keptIn(known, place) * factorIn(known.run, known.run.follow.lane, place),
  shrunk: (known, _, place) => keptIn(known, place) * keepOf(known.run, known.run.follow.lane, place),
  train_loss: ({ scores }, _, lane) => newest(scores.train_loss[lane], scores.length),
  val_loss: ({ scores }, _, lane) => newest(scores.val_loss[lane], scores.length),
  result: (known, _, lane) => resultsOf(known)[lane] ?? UNKNOWN,
  gap: ({ scores }, _, lane) =>
    newest(scores.val_loss[lane], scores.length) - newest(scores.train_loss[lane], scores.length),
  train_accuracy: ({ scores }, _, lane) => newest(scores.train_accuracy[lane], scores.length),
  val_accuracy: ({ scores }, _, lane) => newest(scores.val_accuracy[lane], scores.length),
  lead: ({ scores }, _, one, other) =>
    newest(scores.val_accuracy[one], scores.length) - newest(scores.val_accuracy[other], scores.length),
  best_loss: ({ scores }, _, lane) => scores.val_loss[lane]?.[best(scores, lane)] ?? UNKNOWN,
  best_step: ({ scores }, _, lane) => scores.step[best(scores, lane)] ?? UNKNOWN,
  stopped_at: ({ run }, _, lane) => run.stopped[lane]?.step ?? UNKNOWN,
  stopped_with: ({ run }, _, lane) => run.stopped[lane]?.best_step ?? UNKNOWN,
  first_below: ({ scores }, _, lane, loss) => firstBelow(scores, lane, loss),
  slower: ({ scores }, _, lane, other, loss) => firstBelow(scores, lane, loss) / firstBelow(scores, other, loss),
  lower: (known, _, one, other) => {
    const { [one]: mine = UNKNOWN, [other]: theirs = UNKNOWN } = resultsOf(known);
    return Number(order("val_loss", mine, theirs, known.run.val_size) === "lower");
  },
  least_lane: (known) => leadersOf(known)[0] ?? UNKNOWN,
  least_rate: (known, _, place) => known.run.config.lanes[leadersOf(known)[0]]?.dropout[place] ?? UNKNOWN,
  ties: (known) => leadersOf(known).length || UNKNOWN,
  tie_from: (known, _, place) => Math.min(...ratesOfLeaders(known, place)),
  tie_to: (known, _, place) => Math.max(...ratesOfLeaders(known, place)),
  members: ({ ensemble }) => ensemble?.tensors["accuracy/member"]?.shape[1] ?? UNKNOWN,
  member_accuracy: (known, _, lane) => meanOf(votes(known, "accuracy/member", lane)),
  average_accuracy: (known, _, lane) => votes(known, "accuracy/average", lane).at(-1) ?? UNKNOWN,
  whole_accuracy: (known, _, lane) => votes(known, "accuracy/scaling", lane)[0] ?? UNKNOWN,
  agreeing: (known, _, lane) => agreeingIn(known, lane),
  entropy: (known, _, lane) => entropyOf(votes(known, "vote/average", lane)),
  forgotten: (known, _, lane) =>
    found(known, "forgotten", "val_accuracy", lane) - found(known, "forgotten", "forgotten_accuracy", lane),
  view: (known, _, view, tensor, place) => found(known, view, tensor, place),
  tried: ({ run }) => run.search?.done ?? UNKNOWN,
  ranked: ({ run }, _, place, name) => {
    const result = run.search ? ranked(run.search)[place - 1] : undefined;
    return (
      (name === "val_loss" ? result?.val_loss : run.search?.trials[result?.trial ?? -1]?.[AXES.indexOf(name)]) ??
      UNKNOWN
    );
  },
  code_seen: (_, { code }) => Number(code),
  guess: (_, { guesses }, name) => guesses[name] ?? 0,
};

/**
 * @param {Run} run
 * @param {number} lane
 * @param {number} place
 */
function keepOf(run, lane, place) {
  return 1 - (run.config.lanes[lane]?.dropout[place] ?? UNKNOWN);
}

/**
 * What a kept output is multiplied by while the network trains.
 * @param {Run} run
 * @param {number} lane
 * @param {number} place
 */
function factorIn(run, lane, place) {
  return dropoutOf(run, lane).scaled === "training" ? 1 / keepOf(run, lane, place) : 1;
}

/**
 * How many units of a place the mask on the screen keeps. That of the newest step may come after the word that the step is made.
 * @param {Known & { run: Run }} known
 * @param {number} place
 */
function keptIn({ run, steps, cursor }, place) {
  if (cursor === null && steps.last < run.step) {
    return UNKNOWN;
  }
  return steps.at(cursor ?? steps.last)?.kept[run.layers[place]?.name] ?? UNKNOWN;
}

/**
 * The validation loss of each network, the mean of the last evaluations.
 * @param {Pick<Known, "scores">} known
 */
function resultsOf({ scores }) {
  return figures({ scores, insights: {} }, "val_loss", lastRows(scores));
}

/**
 * The network with the least validation loss, and behind it those that cannot be told from it; empty if that is not known.
 * @param {Known & { run: Run }} known
 */
function leadersOf({ run, scores }) {
  const values = resultsOf({ scores });
  const { first, ties } = judge({ measure: "val_loss", values, valSize: run.val_size });
  return first < 0 ? [] : [first, ...ties];
}

/**
 * @param {Known & { run: Run }} known
 * @param {number} place
 */
function ratesOfLeaders(known, place) {
  const rates = leadersOf(known).map((lane) => known.run.config.lanes[lane].dropout[place] ?? UNKNOWN);
  return rates.length > 0 ? rates : [UNKNOWN];
}

/**
 * @param {Float32Array | undefined} values
 * @param {number} length
 */
function newest(values, length) {
  return length > 0 ? (values?.[length - 1] ?? UNKNOWN) : UNKNOWN;
}

/**
 * The update that the run has come to: while it plays, its masks say so sooner than its state.
 * @param {{ run: Run | null, steps: { last: number } }} known
 */
export function stepOf({ run, steps }) {
  return Math.max(run?.step ?? 0, steps.last);
}

/**
 * The first evaluation at which a network's training loss is below a number.
 * @param {Known["scores"]} scores
 * @param {number} lane
 * @param {number} loss
 */
function firstBelow(scores, lane, loss) {
  const row = [...(scores.train_loss[lane]?.subarray(0, scores.length) ?? [])].findIndex((each) => each < loss);
  return row < 0 ? UNKNOWN : scores.step[row];
}

/**
 * A number that a view has found: of the update that the run is at, unless it is of networks of its own.
 * @param {Known & { run: Run }} known
 * @param {string} view
 * @param {string} tensor
 * @param {number} place
 */
function found({ schema, insights, run }, view, tensor, place) {
  const tensors = insights[view]?.tensors;
  const isOfNow = panelOf(schema, view)?.own_networks || Number(tensors?.step?.data[0] ?? run.step) === run.step;
  return isOfNow ? Number(tensors?.[tensor]?.data[place] ?? UNKNOWN) : UNKNOWN;
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

/**
 * How many sub-networks vote for the class that their average gives the largest probability.
 * @param {Known & { run: Run }} known
 * @param {number} lane
 */
function agreeingIn(known, lane) {
  const [all, average] = ["vote", "vote/average"].map((name) => votes(known, name, lane));
  const said = greatest(average);
  const answers = Array.from({ length: all.length / average.length || 0 }, (_, member) =>
    greatest(all.slice(member * average.length, (member + 1) * average.length)),
  );
  return average.length > 0 ? answers.filter((answer) => answer === said).length : UNKNOWN;
}

/** The place of the greatest. @param {number[]} values */
const greatest = (values) => values.indexOf(Math.max(...values));

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
