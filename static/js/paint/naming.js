// What a single unit is called: a pixel, a number of a table, an element of a feature map, a unit of a state. Pure.

/** @import { Site } from "../model/layers.js" */

import { formatCount } from "../model/stats.js";
import { filled, layerLabel } from "../words/index.js";

/**
 * @param {Site} site
 * @param {number} unit
 * @param {string[]} features Names of the numbers of a table.
 */
export function unitName({ name, units, shape, unitName: text }, unit, features) {
  const [rows, columns] = [shape[shape.length - 2] ?? 1, shape[shape.length - 1]];
  const [row, column] = [Math.floor(unit / columns) % rows, unit % columns];
  return filled(text, {
    label: layerLabel(name),
    unit: formatCount(unit + 1),
    units: formatCount(units),
    row: formatCount(row + 1),
    next: formatCount(row + 2),
    column: formatCount(column + 1),
    columns: formatCount(columns),
    map: formatCount(Math.floor(unit / (rows * columns)) + 1),
    maps: formatCount(shape[0]),
    feature: features[unit] ?? `x${unit + 1}`,
  });
}

/**
 * What the units of a place are called together: "neurons of hidden 1".
 * @param {Site} site
 * @param {string} [label] The layer's name, or those of several.
 */
export function unitsOf({ name, shape, unitsName }, label = layerLabel(name)) {
  return filled(unitsName, { label, maps: formatCount(shape[0]) });
}
