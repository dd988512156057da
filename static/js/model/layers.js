// The places where a lane can drop: how large they are there, which bit of a mask is whose, and what the masks must follow. Pure.

/** @import { Dropout, Lane, Layer, Run } from "../types.js" */
/** @import { KeptLaw } from "./stats.js" */
/** @import { Rates } from "../state/ring.js" */

import { beganAt, changedAt } from "./changes.js";

/**
 * What a bit of a mask stands for: a unit that is kept, a weight that is kept, or a factor of at least 1.
 * @typedef {"units" | "weights" | "factors"} Counted
 */

/**
 * One place where a lane can drop. A lane with widths of its own has the first units of each row of the run's layer.
 * @typedef {object} Site
 * @property {string} name
 * @property {number[]} shape
 * @property {number} units
 * @property {string} family
 * @property {Uint32Array | null} bits The bit of each unit in a mask of the run; `null` where it is the unit's own number.
 * @property {Uint32Array | null} order The units with those of one group together; `null` where they are already.
 * @property {number} groups That a group rate drops as wholes: channels, or units over all time steps.
 * @property {boolean} overTime Whether they are units, and what they share time steps.
 * @property {string} group What such a group is called; empty where there are none.
 * @property {number} weights Of the dense layer that follows, which can be dropped instead; 0 where none does.
 * @property {string} next The layer behind it; empty before the classes.
 * @property {string} unitName What a unit is called, with places for its numbers.
 * @property {string} unitsName What all of them are called.
 * @property {string} band What they are called beside the raster; empty: as the layer.
 */

/** @type {WeakMap<Run["layers"], Map<string, Site[]>>} */
const known = new WeakMap();

/**
 * The places of a lane, in forward order.
 * @param {Run} run
 * @param {number} lane
 * @returns {Site[]}
 */
export function sitesOf({ layers, config, classes }, lane) {
  const widths = config.lanes[lane]?.hidden ?? null;
  const key = JSON.stringify([widths, classes.length]);
  const ofRun = known.get(layers) ?? new Map();
  known.set(layers, ofRun);
  if (!ofRun.has(key)) {
    const shapes = layers.map((layer) => ownShape(layer, widths));
    const sizes = [...shapes.map(sizeOf), classes.length];
    ofRun.set(
      key,
      layers.map((layer, index) => ({
        ...siteOf(layer, shapes[index]),
        next: layers[index + 1]?.name ?? "",
        weights: layer.dense ? sizes[index] * sizes[index + 1] : 0,
      })),
    );
  }
  return /** @type {Site[]} */ (ofRun.get(key));
}

/**
 * @param {Layer} layer
 * @param {readonly number[] | null} widths
 */
function ownShape({ shape, width }, widths) {
  return widths && width !== null ? [...shape.slice(0, -1), widths[width]] : shape;
}

/**
 * @param {Layer} layer
 * @param {number[]} shape Of the lane.
 */
function siteOf(layer, shape) {
  const { name, family, shape: full, tied, group, unit_name: unitName, units_name: unitsName, band } = layer;
  const units = sizeOf(shape);
  const [width, stride] = [shape[shape.length - 1], full[full.length - 1]];
  const isNarrow = width !== stride;
  const overTime = tied.length > 0 && tied[0] === 0;
  const groups = tied.length > 0 ? sizeOf(shape.filter((_, dimension) => !tied.includes(dimension))) : 1;
  return {
    ...{ name, family, shape, units, groups, group, overTime, unitName, unitsName, band },
    bits: isNarrow
      ? Uint32Array.from({ length: units }, (_, at) => Math.floor(at / width) * stride + (at % width))
      : null,
    order: overTime
      ? Uint32Array.from({ length: units }, (_, at) => (at % shape[0]) * width + Math.floor(at / shape[0]))
      : null,
  };
}

/**
 * A mask of the run with one byte for each unit that the lane has.
 * @param {Uint8Array} packed
 * @param {Site} site
 */
export function maskOf(packed, { units, bits }) {
  const mask = new Uint8Array(units);
  for (let unit = 0; unit < units; unit += 1) {
    const bit = bits ? bits[unit] : unit;
    mask[unit] = (packed[bit >> 3] >> (7 - (bit & 7))) & 1;
  }
  return mask;
}

/**
 * The values of the units that the lane has.
 * @param {Float32Array} values One for each unit of the run's layer.
 * @param {Site} site
 */
export function valuesOf(values, { bits }) {
  return bits ? Float32Array.from(bits, (bit) => values[bit]) : values;
}

/**
 * What the bits of a place's masks stand for under a kind of dropout.
 * @param {Site} site
 * @param {Dropout} kind
 * @returns {Counted}
 */
export function countedOf({ weights }, { counted }) {
  return counted === "weights" && weights === 0 ? "units" : counted;
}

/**
 * The law that the number of kept units or weights, or of factors of at least 1, must follow. A factor is
 * as often above 1 as below, whatever its rate. `null`: two factors on one element follow no such law.
 * @param {Site} site
 * @param {Dropout} kind
 * @param {Rates} rates
 * @returns {KeptLaw | null}
 */
export function lawOf(site, kind, [rate, groupRate]) {
  const counted = countedOf(site, kind);
  const alone = (/** @type {number} */ size, /** @type {number} */ keep) => ({ groups: 1, size, keep, groupKeep: 1 });
  if (counted === "weights") {
    return alone(site.weights, 1 - rate);
  }
  const { groups, units } = site;
  if (counted === "factors") {
    const shared = { groups, size: units / groups, keep: 1, groupKeep: 0.5 };
    return groupRate === 0 ? alone(units, rate > 0 ? 0.5 : 1) : rate === 0 ? shared : null;
  }
  const keep = 1 - rate;
  return groupRate > 0 ? { groups, size: units / groups, keep, groupKeep: 1 - groupRate } : alone(units, keep);
}

/**
 * What training multiplied a kept unit or weight by.
 * @param {Dropout} kind
 * @param {Rates} rates
 */
export function scaleOf({ scaled }, [rate, groupRate]) {
  return scaled === "training" ? 1 / ((1 - rate) * (1 - groupRate)) : 1;
}

/**
 * A lane's knobs as they were at a step.
 * @param {Run} run
 * @param {number} lane
 * @param {number} step
 * @returns {Lane}
 */
export function knobsAt(run, lane, step) {
  const first = (run.first_config ?? run.config).lanes[lane] ?? run.config.lanes[lane];
  return { ...first, ...changedAt(run.changes, lane, step) };
}

/**
 * The step after which the network of a lane began: 0, or where it began anew. Its own steps count from there.
 * @param {Pick<Run, "changes" | "config"> & Partial<Pick<Run, "first_config">>} run
 * @param {number} lane
 * @param {number} [step] That it makes; by default the last of all.
 */
export function beganOf(run, lane, step) {
  return beganAt(run.changes, lane, step, (run.first_config ?? run.config).lanes[lane]?.restarts ?? 0);
}

/**
 * Whether a lane has any dropout rate above 0, whatever its schedule says now.
 * @param {Partial<Pick<Lane, "dropout" | "spatial_dropout">>} knobs
 */
export function drops({ dropout = [], spatial_dropout: maps = [] }) {
  return dropout.some((rate) => rate > 0) || maps.some((rate) => rate > 0);
}

/** @param {readonly number[]} shape */
function sizeOf(shape) {
  return shape.reduce((product, size) => product * size, 1);
}
