// What the network picture shows of one pass: built from frames, plain data, drawn by `network.js`.

/** @import { Frame, Run } from "../types.js" */
/** @import { StepRecord } from "../ring.js" */

import { unpack } from "../bits.js";

/** What a unit is in the pass that is shown. `KEPT`: kept, but what it gave is not recorded. */
export const State = Object.freeze({ DROPPED: 0, SILENT: 1, FIRING: 2, KEPT: 3 });

/**
 * One layer of a pass.
 * @typedef {object} LayerPicture
 * @property {string} name
 * @property {number} units
 * @property {Uint8Array} states A `State` for each unit.
 * @property {Float32Array | null} activation Before dropout; `null` where it is not recorded.
 * @property {number} scale What a kept unit was multiplied by; NaN where it is not recorded.
 * @property {number} rate Dropout rate of the pass.
 * @property {number} kept How many units the mask kept.
 */

/**
 * Edges from one layer to the next, the strongest first.
 * @typedef {{ source: Uint16Array, target: Uint16Array, value: Float32Array }} EdgePicture
 */

/**
 * One pass of one network on one example.
 * @typedef {object} Picture
 * @property {number} step
 * @property {number} lane
 * @property {string} laneName
 * @property {number} example
 * @property {boolean} evaluation Whether the pass was made in evaluation mode, where nothing is dropped.
 * @property {boolean} recorded Whether activations and probabilities are known; else only the mask is.
 * @property {LayerPicture[]} layers
 * @property {EdgePicture[]} edges One for each pair of layers; empty where not recorded.
 * @property {string[]} classes
 * @property {Float32Array | null} probability
 * @property {number} label The class trained on.
 * @property {number} truth The true class.
 */

const EDGES_SHOWN = 320; // more than this in all, and no single edge can be followed by eye

/**
 * The pass that a `graph` frame tells of.
 * @param {Frame} frame
 * @param {Run} run
 * @param {Frame | null} data
 * @returns {Picture}
 */
export function pictureOfGraph(frame, run, data) {
  const { tensors } = frame;
  const evaluation = frame.meta.pass === "evaluation";
  const scale = tensors.scale.data;
  const example = Number(tensors.example.data[0]);
  const layers = run.layers.map(({ name, units }, index) => {
    const mask = tensors[`mask/${name}`]
      ? unpack(/** @type {Uint8Array} */ (tensors[`mask/${name}`].data), units)
      : new Uint8Array(units).fill(1);
    const activation = /** @type {Float32Array} */ (tensors[`activation/${name}`].data);
    const factor = Number(scale[index]);
    const rate = evaluation ? 0 : 1 - 1 / factor;
    return { name, units, states: statesOf(mask, activation), activation, scale: factor, rate, kept: countOnes(mask) };
  });
  const lane = Number(tensors.lane.data[0]);
  const label = Number(tensors.label.data[0]);
  return {
    ...{ step: Number(tensors.step.data[0]), lane, laneName: laneName(run, lane), example, evaluation, recorded: true },
    ...{ layers, edges: edgesOf(frame, run.layers.length), classes: run.classes, label },
    probability: /** @type {Float32Array} */ (tensors.probability.data),
    truth: trueClass(data, example, label),
  };
}

/**
 * The pass of a step of which only the mask is recorded. The input is known all the same: it is the training example.
 * @param {StepRecord} record
 * @param {Run} run
 * @param {Frame | null} data
 * @returns {Picture}
 */
export function pictureOfRecord(record, run, data) {
  const { step, lane, example } = record;
  const rates = ratesAt(run, lane, step);
  const layers = run.layers.map(({ name, units }, index) => {
    const mask = unpack(record.masks[name], units);
    const activation = index === 0 ? exampleOf(data, example) : null;
    const states = activation ? statesOf(mask, activation) : mask.map((bit) => (bit ? State.KEPT : State.DROPPED));
    const scale = 1 / (1 - rates[index]);
    return { name, units, states, activation, scale, rate: rates[index], kept: record.kept[name] ?? countOnes(mask) };
  });
  const label = data ? Number(data.tensors["train/y"].data[example]) : 0;
  return {
    ...{ step, lane, laneName: laneName(run, lane), example, evaluation: false, recorded: false },
    ...{ layers, edges: [], classes: run.classes, probability: null, label },
    truth: trueClass(data, example, label),
  };
}

/**
 * The dropout rates of a lane that were in force at a step.
 * @param {Run} run
 * @param {number} lane
 * @param {number} step
 * @returns {number[]}
 */
export function ratesAt(run, lane, step) {
  const first = (run.first_config ?? run.config).lanes[lane]?.dropout ?? run.layers.map(() => 0);
  return run.changes.reduce(
    (rates, change) => (change.lane === lane && change.step <= step ? (change.knobs.dropout ?? rates) : rates),
    first,
  );
}

/**
 * The features of a training example.
 * @param {Frame | null} data
 * @param {number} example
 */
export function exampleOf(data, example) {
  if (!data) {
    return null;
  }
  const { data: values, shape } = data.tensors["train/x"];
  return /** @type {Float32Array} */ (values).subarray(example * shape[1], (example + 1) * shape[1]);
}

/**
 * @param {Frame | null} data
 * @param {number} example
 * @param {number} label
 */
function trueClass(data, example, label) {
  const truth = data?.tensors["train/true"]?.data[example];
  return truth === undefined ? label : Number(truth);
}

/**
 * @param {Run} run
 * @param {number} lane
 */
function laneName(run, lane) {
  return run.config.lanes[lane]?.name ?? `lane ${lane}`;
}

/**
 * @param {Uint8Array} mask
 * @param {Float32Array} activation
 */
function statesOf(mask, activation) {
  return mask.map((bit, unit) => (!bit ? State.DROPPED : activation[unit] !== 0 ? State.FIRING : State.SILENT));
}

/** @param {Uint8Array} mask */
function countOnes(mask) {
  return mask.reduce((sum, bit) => sum + bit, 0);
}

/**
 * The strongest edges of each pair of layers, the same number for each so that no pair hides another.
 * @param {Frame} frame
 * @param {number} pairs
 * @returns {EdgePicture[]}
 */
function edgesOf({ tensors }, pairs) {
  const layer = tensors["edge/layer"]?.data ?? new Uint8Array(0);
  const value = /** @type {Float32Array} */ (tensors["edge/value"]?.data ?? new Float32Array(0));
  const most = Math.ceil(EDGES_SHOWN / pairs);
  return Array.from({ length: pairs }, (_, pair) => {
    /** @type {number[]} */
    const mine = [];
    for (let edge = 0; edge < layer.length; edge += 1) {
      if (layer[edge] === pair) {
        mine.push(edge);
      }
    }
    mine.sort((a, b) => Math.abs(value[b]) - Math.abs(value[a]));
    mine.length = Math.min(mine.length, most);
    return {
      source: Uint16Array.from(mine, (edge) => Number(tensors["edge/source"].data[edge])),
      target: Uint16Array.from(mine, (edge) => Number(tensors["edge/target"].data[edge])),
      value: Float32Array.from(mine, (edge) => value[edge]),
    };
  });
}
