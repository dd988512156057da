// What a single unit is called: a pixel, a number of a table, an element of a feature map, a unit of a state. Pure.

/** @import { Site } from "./sites.js" */

import { formatCount } from "../stats.js";
import { layerLabel } from "../words.js";

/**
 * @param {Site} site
 * @param {number} unit
 * @param {string[]} features Names of the numbers of a table.
 */
export function unitName({ name, units, shape, network }, unit, features) {
  const [row, column] = [Math.floor(unit / shape[shape.length - 1]), unit % shape[shape.length - 1]];
  if (shape.length === 3) {
    const [map, inMap] = [Math.floor(unit / (shape[1] * shape[2])), row % shape[1]];
    return `${layerLabel(name)}, map ${map + 1} of ${shape[0]}, row ${inMap + 1}, column ${column + 1}`;
  }
  if (name === "recurrent") {
    return `state from time step ${row + 1} to ${row + 2}, unit ${formatCount(column + 1)} of ${formatCount(shape[1])}`;
  }
  if (name !== "input") {
    const what = network === "lstm" ? "last state, unit" : `${layerLabel(name)}, neuron`;
    return `${what} ${formatCount(unit + 1)} of ${formatCount(units)}`;
  }
  if (shape.length === 2) {
    const time = network === "lstm" ? ` (time step ${row + 1})` : "";
    return `pixel in row ${row + 1}${time}, column ${column + 1}`;
  }
  return `input ${features[unit] ?? `x${unit + 1}`}`;
}

/**
 * What the units of a place are called together: "neurons of hidden 1".
 * @param {Site} site
 * @param {string} [label] The layer's name, or those of several.
 */
export function unitsOf({ name, shape, network, groups }, label = layerLabel(name)) {
  if (name === "input") {
    return shape.length === 2 ? "pixels" : "inputs";
  }
  if (shape.length === 3) {
    return `elements in the ${formatCount(groups)} maps of ${label}`;
  }
  if (name === "recurrent") {
    return `values of the state on its way between time steps`;
  }
  return network === "lstm" ? "units of the last state" : `neurons of ${label}`;
}
