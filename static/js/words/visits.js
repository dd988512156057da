// Which sub-networks training has visited, in words.

/** @import { Dropout } from "../types.js" */

import { formatCount, formatPercent } from "../model/stats.js";
import { joined, quoted } from "./common.js";

/**
 * The numbers of which the sentence speaks.
 * @typedef {object} VisitsReading
 * @property {number} step
 * @property {string} name The followed network.
 * @property {Dropout} kind
 * @property {number} masks Recorded ones, one a step.
 * @property {number} distinct Different ones among the first 100,000 of them.
 * @property {number} drawn In all of training.
 * @property {number} units That can be dropped.
 * @property {number} counted Units whose counts are shown.
 * @property {number} within How many of them were dropped as often as expected, within two standard deviations.
 */

const COUNTED = 100_000; // masks of which the different ones are counted
const EXACT = 20; // units: 2 to the power of so many is still written out
const FEW_MASKS = 30; // of fewer, hardly any count can be told from its expectation

/** @param {VisitsReading | null} reading `null` before the first look. */
export function visitsSentence(reading) {
  if (reading === null) {
    return "No masks have been counted yet.";
  }
  const { step, name, units, masks } = reading;
  if (units === 0) {
    return `Step ${formatCount(step)}. ${quoted(name)} drops nothing: it is one and the same network at every step.`;
  }
  if (masks === 0) {
    return `Step ${formatCount(step)}. No mask of ${quoted(name)} has been recorded yet.`;
  }
  return joined([`Step ${formatCount(step)}.`, countWords(reading), bandWords(reading)]);
}

/** @param {VisitsReading} reading */
function countWords({ name, kind, masks, distinct, drawn, units }) {
  const seen = Math.min(masks, COUNTED);
  const drew = `Training has drawn ${formatCount(drawn)} masks for ${quoted(name)}`;
  const first = seen < masks ? `the first ${formatCount(seen)}` : `the ${formatCount(masks)}`;
  if (kind.phrases.made) {
    return `${drew}. ${kind.phrases.made}: what is counted of ${first} on record, one a step, is whether a factor was below 1; they made ${formatCount(distinct)} different patterns.`;
  }
  const what = kind.counted;
  const repeated = distinct === seen ? "all different" : `${formatCount(distinct)} of them different`;
  return `${drew}. T${first.slice(1)} on record, one a step, are ${repeated}: ${sampled(distinct, units)} that ${formatCount(units)} ${what} can make.`;
}

/**
 * @param {number} distinct
 * @param {number} units
 */
function sampled(distinct, units) {
  const all = 2 ** units;
  if (units <= EXACT && distinct >= all) {
    return `all ${powerWords(units)} sub-networks`;
  }
  return `${formatCount(distinct)} of the ${powerWords(units)} sub-networks`;
}

/** @param {VisitsReading} reading */
function bandWords({ masks, counted, within, kind }) {
  if (counted === 0) {
    return null;
  }
  const share = formatPercent(within / counted);
  const law = masks < FEW_MASKS ? "" : "; chance alone makes that about 95%";
  return `${share} of the ${formatCount(counted)} units shown were ${kind.phrases.gone} as often as expected, within two standard deviations${law}.`;
}

/**
 * A power of two as people read it: 1,024, or 2^448 ≈ 7 × 10^134.
 * @param {number} exponent
 */
export function powerWords(exponent) {
  if (exponent <= EXACT) {
    return formatCount(2 ** exponent);
  }
  const digits = exponent * Math.log10(2);
  const power = Math.floor(digits);
  const lead = Math.round(10 ** (digits - power));
  const round = lead === 10 ? `10^${power + 1}` : lead === 1 ? `10^${power}` : `${lead} × 10^${power}`;
  return `2^${exponent} ≈ ${round}`;
}
