// What the pictures of features show, in words, and how sparse such a picture is.

/** @import { NetworkKind } from "../types.js" */

import { formatCount, formatPlain } from "../model/stats.js";
import { joined, quoted } from "./common.js";

/**
 * @typedef {object} FeaturesReading
 * @property {number} trainSize
 * @property {NetworkKind} kind Of network.
 * @property {string} dataset
 * @property {number} step Of the run.
 * @property {{ step: number, steps: number, rate: number[], val: number[], sparsity: number[] }} auto The two autoencoders.
 * @property {{ name: string, sparsity: number }[]} first The first layer of the networks that are shown.
 * @property {number} pixels Of the image of one unit of the first layer.
 */

const CLEARER = 1.2; // ratio of sparsities from which one set is called sparser
const NEAR_NOISE = 0.08; // Hoyer sparsity at most so far above that of noise is what the classifier was seen to have

/** @param {FeaturesReading | null} reading `null` before the first look. */
export function featuresSentence(reading) {
  return reading === null
    ? "No features have been looked at yet."
    : joined([autoWords(reading), sparsityWords(reading), errorWords(reading), firstWords(reading)]);
}

/**
 * How sparse a picture is (Hoyer 2004): 0 if all its values are of one size, 1 if all but one are 0; NaN of an empty one.
 * @param {ArrayLike<number>} values
 */
export function hoyer(values) {
  let [sum, squares] = [0, 0];
  for (let index = 0; index < values.length; index += 1) {
    sum += Math.abs(values[index]);
    squares += values[index] ** 2;
  }
  const root = Math.sqrt(values.length);
  return (root - sum / Math.sqrt(squares)) / (root - 1);
}

/**
 * The same of `count` numbers drawn from a normal distribution, nearly: the mean of their size is √(2/π) of their deviation.
 * @param {number} count
 */
export function noiseSparsity(count) {
  return (Math.sqrt(count) * (1 - Math.sqrt(2 / Math.PI))) / (Math.sqrt(count) - 1);
}

/** @param {FeaturesReading} reading */
function autoWords({ auto, trainSize }) {
  const about =
    `Two autoencoders beside this run learn to paint its ${formatCount(trainSize)} training images with 256 hidden units; each ` +
    "square is what one unit adds to the picture.";
  const isDone = auto.step >= auto.steps;
  return `${about} ${isDone ? `They have made all ${formatCount(auto.steps)} steps.` : `Step ${formatCount(auto.step)} of ${formatCount(auto.steps)}.`}`;
}

/** @param {FeaturesReading} reading */
function sparsityWords({ auto, dataset }) {
  const [without, with_] = auto.sparsity;
  if (auto.step === 0) {
    return "So far all squares are as they were drawn at random.";
  }
  const figures = `${withRate(auto)}, ${fixed(with_)} against ${fixed(without)}`;
  const scale = "Hoyer sparsity: 0 if all pixels weigh the same, 1 if a single one does";
  if (with_ < CLEARER * without) {
    return `They are about as sparse ${figures} (${scale}).`;
  }
  const strokes =
    dataset === "digits" && auto.step >= auto.steps ? ", and show strokes where without it there is noise" : "";
  return `They are sparser ${figures} (${scale})${strokes}.`;
}

/** @param {FeaturesReading["auto"]} auto */
function withRate({ rate }) {
  return `with dropout of ${formatPlain(rate[1])}`;
}

/** @param {FeaturesReading} reading */
function errorWords({ auto }) {
  const [without, with_] = auto.val;
  const figures = `mean squared error on validation images ${squaredError(with_)} with dropout, ${squaredError(without)} without`;
  const verdict =
    with_ > without
      ? "Dropout paints less exactly"
      : with_ < without
        ? "Dropout paints more exactly"
        : "Both paint alike";
  return `${verdict}: ${figures}.`;
}

/** @param {FeaturesReading} reading */
function firstWords({ first, kind, dataset, pixels, step }) {
  if (kind.first === "none") {
    return `The first layer of ${kind.article} ${kind.title} reads one row at a time: it has no images.`;
  }
  const known = first.filter(({ sparsity }) => Number.isFinite(sparsity));
  if (known.length === 0) {
    return null;
  }
  const figures = known.map(({ name, sparsity }) => `${fixed(sparsity)} in ${quoted(name)}`).join(" and ");
  if (kind.first === "kernel") {
    return `The first kernels of the networks themselves are of ${formatCount(pixels)} pixels, too few for a stroke (sparsity ${figures}).`;
  }
  const noise = noiseSparsity(pixels);
  const lead = `The first layer of the networks themselves has a sparsity of ${figures}; normal noise has ${fixed(noise)}.`;
  const isNear = known.every(({ sparsity }) => sparsity < noise + NEAR_NOISE);
  const verdict =
    dataset === "digits" && isNear ? " To the eye it looks much like noise, with dropout and without." : "";
  return step === 0 ? `${lead} It is still as it was drawn at random.` : lead + (known.length > 1 ? verdict : "");
}

/** @param {number} sparsity */
const fixed = (sparsity) => sparsity.toFixed(3);

/** A squared error, to four decimals. @param {number} value */
export const squaredError = (value) => (value > 0 && value < 5e-5 ? "under 0.0001" : value.toFixed(4));
