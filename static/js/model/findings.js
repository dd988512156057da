// What the paragraph of an experiment is written from: the run’s own figures, and what its views have found, whichever they are. Pure: no DOM.

/** @import { Frame, Run, Experiment, State } from "../types.js" */
/** @import { SeenReading } from "../words/seen/common.js" */

import { panelOf } from "./catalogue.js";
import { divergenceOf } from "./diverged.js";
import { isAsPlanned } from "./experiments.js";
import { crossings } from "./outcome.js";
import { indexOfLeast } from "./stats.js";
import { lastRows, meanOf } from "./verdict.js";

const LARGEST = 2500; // numbers of a tensor that are read: a grid of 48 × 48, but no images

/**
 * @param {State & { run: Run, experiment: Experiment }} state
 * @param {SeenReading["guess"]} guess
 * @returns {SeenReading}
 */
export function readSeen(state, guess) {
  const { run, experiment, scores } = state;
  const rows = lastRows(scores);
  const figure = (/** @type {Float32Array[]} */ series) =>
    series.map((values, lane) => (divergenceOf(run, lane) ? Number.NaN : meanOf(values, rows)));
  const least = scores.val_loss.map((values) => indexOfLeast(values, scores.length));
  return {
    experiment,
    step: run.step,
    goal: run.search?.steps ?? run.stop_at ?? experiment.steps,
    seed: run.config.seed,
    evaluations: run.search ? 1 : rows.length,
    names: run.config.lanes.map(({ name }) => name),
    loss: figure(scores.val_loss),
    accuracy: figure(scores.val_accuracy),
    trainLoss: figure(scores.train_loss),
    trainAccuracy: figure(scores.train_accuracy),
    best: least.map((row, lane) => (row < 0 || divergenceOf(run, lane) ? Number.NaN : scores.val_loss[lane][row])),
    bestStep: least.map((row) => (row < 0 ? 0 : scores.step[row])),
    valSize: run.val_size,
    noise: run.config.label_noise,
    scores,
    stopped: run.stopped,
    guess,
    isAsPlanned: isAsPlanned(run, experiment),
    facts: { ...found(state), ...ensembleFacts(state), ...reachedFacts(state) },
    search: run.search ?? null,
  };
}

/**
 * What the views found of the weights as they are now.
 * @param {State & { run: Run }} state
 */
function found({ insights, run, schema }) {
  /** @type {Record<string, number[]>} */
  const facts = {};
  for (const [kind, frame] of Object.entries(insights)) {
    if (stepOf(frame) !== run.step && !panelOf(schema, kind)?.own_networks) {
      continue;
    }
    for (const [name, { data }] of Object.entries(frame.tensors)) {
      if (data.length <= LARGEST) {
        facts[`${kind}/${name}`] = [...data].map(Number);
      }
    }
  }
  return facts;
}

/** @param {Frame} frame */
const stepOf = (frame) => Number(frame.tensors.step?.data[0] ?? Number.NaN);

/**
 * The votes of the followed lane, the first of the frame.
 * @param {State & { run: Run }} state
 */
function ensembleFacts({ ensemble, run }) {
  /** @type {Record<string, number[]>} */
  const facts = {};
  if (ensemble && stepOf(ensemble) === run.step) {
    for (const [name, { data, shape }] of Object.entries(ensemble.tensors)) {
      const first = shape.slice(1).reduce((product, size) => product * size, 1);
      if (first <= LARGEST) {
        facts[`ensemble/${name}`] = [...data].slice(0, first).map(Number);
      }
    }
  }
  return facts;
}

/**
 * The steps at which each lane first reached each training loss that the picture asks for; NaN: not yet.
 * @param {State & { experiment: Experiment }} state
 */
function reachedFacts({ experiment: { picture }, scores }) {
  const levels = picture?.kind === "thresholds" ? picture.x : [];
  const reached = scores.train_loss.map((losses) => crossings(scores, losses, levels));
  return Object.fromEntries(
    levels.map((level, index) => [`reached/${level}`, reached.map((lane) => lane[index] ?? Number.NaN)]),
  );
}
