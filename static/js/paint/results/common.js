// What the pictures of a result share.

/** @import { Measure } from "../../model/verdict.js" */

import { MEASURES } from "../../model/verdict.js";

const CEILING = 4; // times the loss of guessing: beyond it the axis ends, so that one diverging network hides no other

/**
 * A figure as the axis has it: shares as percentages, and `null` for what is no number.
 * @param {Measure} measure
 * @param {number} value
 */
export function onAxis(measure, value) {
  return Number.isFinite(value) ? (measure === "val_loss" ? value : 100 * value) : null;
}

/**
 * @param {Measure} measure
 * @param {number | null} [end] Where the axis ends although some figures lie beyond it.
 * @returns {{ title: string, ticksuffix: string, tickformat: string }}
 */
export function axisOf(measure, end = null) {
  const isLoss = measure === "val_loss";
  const unit = isLoss ? ", nats" : measure === "forgotten" ? ", points" : "";
  return {
    title:
      end === null ? `${MEASURES[measure].name}${unit}` : `${MEASURES[measure].name}, cut off at ${end.toFixed(1)}`,
    ticksuffix: isLoss || measure === "forgotten" ? "" : "%",
    tickformat: ".2~f",
  };
}

/**
 * Where an axis from zero ends.
 * @param {Measure} measure
 * @param {(number | null)[]} values On the axis.
 * @param {number} classes
 */
export function topOf(measure, values, classes) {
  const highest = Math.max(0, ...values.map((value) => value ?? 0));
  if (highest === 0) {
    return 1;
  }
  return measure === "val_loss" ? Math.min(highest, CEILING * Math.log(classes)) : highest;
}
