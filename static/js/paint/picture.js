// What the network picture shows of one pass: built from frames, plain data, drawn by `network.js`.

/** @import { Dropout, Frame, Lane, Run } from "../types.js" */
/** @import { Rates, StepRecord } from "../state/ring.js" */
/** @import { KeptLaw } from "../model/stats.js" */
/** @import { Counted, Site } from "../model/layers.js" */

import { dropoutAt } from "../model/kinds.js";
import { beganOf, countedOf, knobsAt, lawOf, maskOf, scaleOf, sitesOf, valuesOf } from "../model/layers.js";

/**
 * What a unit is in the pass that is shown. `KEPT`: kept, but what it gave is not recorded. `UP` and `DOWN`: multiplied by a factor
 * of its own, of at least 1 or less.
 */
export const State = Object.freeze({ DROPPED: 0, SILENT: 1, FIRING: 2, KEPT: 3, UP: 4, DOWN: 5 });

/**
 * One layer of a pass.
 * @typedef {object} LayerPicture
 * @property {string} name
 * @property {number} units Of this lane.
 * @property {Site} site
 * @property {Uint8Array} states A `State` for each unit.
 * @property {Float32Array | null} activation Before dropout; `null` where it is not recorded.
 * @property {Float32Array | null} factor What each unit was multiplied by, where each has its own.
 * @property {number} scale What a kept unit was multiplied by; NaN where it is not recorded.
 * @property {Rates} rates In force in this pass.
 * @property {number} kept How many units, or weights, the mask kept; of factors, how many are at least 1.
 * @property {Counted} counted
 * @property {KeptLaw | null} law That this number must follow.
 * @property {Uint8Array} mask A byte for each unit.
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
 * @property {Lane} knobs The lane's, at this step.
 * @property {number} [began] The step after which its network began; 0 with the run.
 * @property {Dropout} dropoutKind
 * @property {number} example
 * @property {boolean} evaluation Whether the pass was made in evaluation mode, where nothing is dropped.
 * @property {boolean} recorded Whether activations and probabilities are known; else only the mask is.
 * @property {LayerPicture[]} layers
 * @property {EdgePicture[]} edges One for each pair of layers; empty where not recorded.
 * @property {string[]} features Names of the numbers of a table.
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
  const first = (/** @type {string} */ name) => Number(tensors[name]?.data[0] ?? 0);
  const evaluation = frame.meta.pass === "evaluation";
  const lane = first("lane");
  const dropoutKind = dropoutAt(run, first("dropout_kind"));
  const layers = sitesOf(run, lane).map((site, index) => {
    const { name } = site;
    const values = (/** @type {string} */ kind) =>
      tensors[`${kind}/${name}`] ? valuesOf(/** @type {Float32Array} */ (tensors[`${kind}/${name}`].data), site) : null;
    const packed = tensors[`mask/${name}`]?.data;
    const mask = packed ? maskOf(/** @type {Uint8Array} */ (packed), site) : new Uint8Array(site.units).fill(1);
    /** @type {Rates} */
    const rates = evaluation ? [0, 0] : [first(`rate/${name}`), first(`group_rate/${name}`)];
    const kept = tensors[`kept/${name}`] ? first(`kept/${name}`) : countOnes(mask);
    const scale = Number(tensors.scale.data[index]);
    return layerOf(site, dropoutKind, {
      mask,
      rates,
      kept,
      scale,
      activation: values("activation"),
      factor: values("factor"),
    });
  });
  const [step, example, label] = [first("step"), first("example"), first("label")];
  return {
    ...about(run, data, { step, lane, example, label }),
    ...{ dropoutKind, evaluation, recorded: true, layers, edges: edgesOf(frame, run.layers.length) },
    probability: /** @type {Float32Array} */ (tensors.probability.data),
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
  const dropoutKind = dropoutAt(run, record.kind);
  const layers = sitesOf(run, lane).map((site, index) => {
    const [mask, rates, kept] = [
      maskOf(record.masks[site.name], site),
      record.rates[site.name],
      record.kept[site.name],
    ];
    const activation = index === 0 ? exampleOf(data, example) : null;
    const scale = scaleOf(dropoutKind, rates);
    return layerOf(site, dropoutKind, { mask, rates, kept, scale, activation, factor: null });
  });
  const label = data ? Number(data.tensors["train/y"].data[example]) : 0;
  return {
    ...about(run, data, { step, lane, example, label }),
    ...{ dropoutKind, evaluation: false, recorded: false, layers, edges: [], probability: null },
  };
}

/**
 * What both kinds of picture say of their run.
 * @param {Run} run
 * @param {Frame | null} data
 * @param {{ step: number, lane: number, example: number, label: number }} head
 */
function about(run, data, head) {
  const { step, lane, example, label } = head;
  const { classes, features = [] } = run;
  const knobs = knobsAt(run, lane, step);
  const began = beganOf(run, lane, step);
  return {
    ...head,
    laneName: laneName(run, lane),
    knobs,
    began,
    features,
    classes,
    truth: trueClass(data, example, label),
  };
}

/**
 * @param {Site} site
 * @param {Dropout} kind
 * @param {Pick<LayerPicture, "mask" | "rates" | "kept" | "scale" | "activation" | "factor">} pass
 * @returns {LayerPicture}
 */
function layerOf(site, kind, pass) {
  const counted = countedOf(site, kind);
  const isDrawn = pass.rates.some((rate) => rate > 0);
  return {
    ...{ name: site.name, units: site.units, site, ...pass, counted, law: lawOf(site, kind, pass.rates) },
    states: statesOf(pass, counted, isDrawn),
  };
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
 * @param {Pick<LayerPicture, "mask" | "activation">} pass
 * @param {Counted} counted
 * @param {boolean} isDrawn Whether any rate is above 0 here.
 */
function statesOf({ mask, activation }, counted, isDrawn) {
  return mask.map((bit, unit) => {
    if (counted === "units" && !bit) {
      return State.DROPPED;
    }
    if (activation && activation[unit] === 0) {
      return State.SILENT;
    }
    if (isDrawn && counted === "factors") {
      return bit ? State.UP : State.DOWN;
    }
    return activation ? State.FIRING : State.KEPT;
  });
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
