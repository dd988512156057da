// What a frame of variances says: the shift of every network with batch norm at every layer, and as a table.

/** @import { DataTable, Frame, Run, State } from "../types.js" */

import { size } from "../words/variance.js";
import { rowOf } from "./ensemble.js";

const CURVE = 3; // different rates at least, for a curve over the rate

/**
 * One network at one layer.
 * @typedef {{ lane: number, name: string, layer: string, rate: number, ratio: number, theory: number }} Point
 */

/**
 * Ratio and theory of every network with batch norm, at every layer; `null` where the frame speaks of other lanes.
 * @param {Run} run
 * @param {Frame} frame
 * @returns {Point[] | null}
 */
export function readPoints({ config, layers }, { tensors }) {
  const names = layers.map(({ name }) => name);
  const own = names.filter((name) => tensors[`ratio/${name}`]);
  if (own.some((name) => tensors[`ratio/${name}`].data.length !== config.lanes.length)) {
    return null;
  }
  const before = config.batch_norm_order === "after_dropout" ? 0 : 1; // how many places back the dropout stands
  return own.flatMap((layer) =>
    config.lanes.flatMap(({ name, dropout, batch_norm: on }, lane) =>
      on
        ? {
            ...{ lane, name, layer, rate: dropout[names.indexOf(layer) - before] ?? 0 },
            ratio: Number(tensors[`ratio/${layer}`].data[lane]),
            theory: Number(tensors[`theory/${layer}`].data[lane]),
          }
        : [],
    ),
  );
}

/**
 * The numbers of which the sentence speaks.
 * @param {State} state
 * @param {Point[]} points
 */
export function readVariance({ run, insights, scores }, points) {
  const config = /** @type {Run} */ (run).config;
  const last = scores.length - 1;
  const lanes = [...new Set(points.map(({ lane }) => lane))];
  return {
    step: Number(insights.variance.tensors.step.data[0]),
    directly: config.batch_norm_order === "after_dropout",
    shared: config.mask === "per_batch",
    shifts: points,
    losses: lanes.map((lane) => ({
      name: config.lanes[lane].name,
      shift: mostShifted(points.filter((point) => point.lane === lane))?.ratio ?? Number.NaN,
      val: scores.val_loss[lane]?.[last] ?? Number.NaN,
    })),
  };
}

/** @param {Point[]} points */
export function mostShifted(points) {
  const known = points.filter(({ ratio }) => ratio > 0);
  return known.length > 0 ? known.reduce((one, other) => (size(other.ratio) > size(one.ratio) ? other : one)) : null;
}

/** The layers before which the networks drop at enough different rates for a curve. @param {Point[]} points */
export function variedLayers(points) {
  const rates = (/** @type {string} */ layer) =>
    points.filter((point) => point.layer === layer).map(({ rate }) => rate);
  return layersOf(points).filter((layer) => new Set(rates(layer)).size >= CURVE);
}

/** @param {Point[]} points */
export function layersOf(points) {
  return [...new Set(points.map(({ layer }) => layer))];
}

/**
 * @param {State} state
 * @returns {DataTable | null}
 */
export function tableOf({ run, insights }) {
  const points = run && insights.variance ? readPoints(run, insights.variance) : null;
  if (!points) {
    return null;
  }
  const rows = points.flatMap(({ lane, name, layer, rate, ratio, theory }) => {
    const [training, evaluation] = ["training", "evaluation"].map((mode) =>
      rowOf(insights.variance, `${mode}/${layer}`, lane),
    );
    const units = training.map((value, unit) => [name, layer, unit + 1, rate, value, evaluation[unit], "", ""]);
    return [[name, layer, "median", rate, "", "", ratio, theory], ...units.filter((row) => Number.isFinite(row[4]))];
  });
  const columns = ["network", "layer", "unit", "rate", "training", "evaluation", "ratio", "theory"];
  return { name: "variance", columns, rows };
}
