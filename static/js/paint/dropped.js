// What a pass dropped, kept or turned up, layer by layer, with what was to be expected and what became of the rest. Pure.

/** @import { LayerPicture, Picture } from "./picture.js" */
/** @import { Lane } from "../types.js" */

import { drops } from "../model/layers.js";
import { formatCount, formatOne, keptMoments } from "../model/stats.js";
import { filled, layerLabel } from "../words/index.js";
import { unitsOf } from "./naming.js";
import { State } from "./picture.js";

const times = (/** @type {number} */ factor) => `× ${factor.toFixed(2)}`;

/**
 * The part of the sentence that says what was dropped.
 * @param {Picture} picture
 */
export function keptWords({ layers, knobs, began, dropoutKind, step }) {
  const thinned = layers.filter(({ rates }) => rates.some((rate) => rate > 0));
  const schedule = scheduleWords(knobs, began ?? 0, step, thinned);
  if (thinned.length === 0) {
    const why = knobs && drops(knobs) && schedule ? `nothing is dropped at this step. ${schedule}` : "";
    return why || "this lane has no dropout: nothing is dropped.";
  }
  const what = dropoutKind.phrases.verb;
  const together = alike(thinned);
  const scales = new Set(together.map(([layer]) => scaleWords(layer)));
  const [scale] = scales;
  const isOne = together.length > 1 && scales.size === 1 && scale !== "";
  const groups = together.map((layers) => groupWords(layers, isOne ? "" : scaleWords(layers[0]))).join("; ");
  const all = isOne ? `${scale.slice(2, 3).toUpperCase()}${scale.slice(3)}.` : "";
  return [`${what}${groups}.`, all, kindWords(dropoutKind, thinned), schedule].filter(Boolean).join(" ");
}

/**
 * Layers of one size and one rate, together; convolutions and what runs over time have words of their own.
 * @param {LayerPicture[]} layers
 * @returns {LayerPicture[][]}
 */
function alike(layers) {
  /** @type {Map<string, LayerPicture[]>} */
  const groups = new Map();
  for (const layer of layers) {
    const total = layer.counted === "weights" ? layer.site.weights : layer.units;
    const key =
      layer.site.family !== layer.name && layer.site.group === ""
        ? `${layer.counted}/${total}/${layer.rates.join("/")}`
        : layer.name;
    groups.set(key, [...(groups.get(key) ?? []), layer]);
  }
  return [...groups.values()];
}

/**
 * @param {LayerPicture[]} layers Of one size and one rate.
 * @param {string} scaled What every kept output was multiplied by.
 */
function groupWords(layers, scaled) {
  const [layer] = layers;
  const { site, units, counted, rates } = layer;
  if (site.overTime && counted === "units") {
    return timeWords(layer, scaled);
  }
  const kept = listed(layers.map((each) => formatCount(each.kept)));
  const total = formatCount(counted === "weights" ? site.weights : units);
  const label =
    layers.length > 1
      ? `${site.family} ${listed(layers.map(({ name }) => name.replace(/^\D+/, "")))}`
      : site.name === "input"
        ? "the input"
        : layerLabel(site.name);
  const where = counted === "weights" ? `weights out of ${label}` : unitsOf(site, label);
  const expected = expectedWords(layer.law, layers.length > 1);
  const whole = counted === "units" && rates[1] > 0 ? `, ${wholeWords(layer)}` : "";
  return `${kept} of ${total} ${where}${expected}${whole}${scaled}`;
}

/**
 * @param {LayerPicture["law"]} law
 * @param {boolean} [each]
 */
function expectedWords(law, each = false) {
  if (!law) {
    return "";
  }
  const { mean, sd } = keptMoments(law);
  return ` (expected ${formatOne(mean)}, SD ${formatOne(sd)}${each ? ", in each" : ""})`;
}

/** @param {LayerPicture} layer */
function scaleWords({ counted, scale }) {
  if (counted === "factors" || scale === 1) {
    return "";
  }
  return `, every kept ${counted === "weights" ? "weight" : "output"} ${times(scale)}`;
}

/**
 * How many groups were dropped as wholes.
 * @param {LayerPicture} layer
 */
function wholeWords(layer) {
  const { groups, group } = layer.site;
  const gone = droppedGroups(layer);
  return `${gone === 0 ? "none" : formatCount(gone)} of the ${formatCount(groups)} ${group}s dropped whole`;
}

/**
 * What runs over time: the same mask at every time step, or another at each.
 * @param {LayerPicture} layer
 * @param {string} scaled
 */
function timeWords(layer, scaled) {
  const { site, rates, units, kept } = layer;
  const isInput = site.name === "input";
  const steps = units / site.groups;
  if (rates[0] > 0) {
    const what = isInput ? "pixels, others in each row" : `values of the state, others at each of ${steps} steps`;
    return `${formatCount(kept)} of ${formatCount(units)} ${what}${expectedWords(layer.law)}${scaled}`;
  }
  const expected = expectedWords({ groups: 1, size: site.groups, keep: 1 - rates[1], groupKeep: 1 });
  const gone = droppedGroups(layer);
  const [all, left] = [formatCount(site.groups), formatCount(site.groups - gone)];
  const [what, same] = isInput
    ? ["columns of the image", `${sameWords(gone, "column")} in all ${steps} rows`]
    : ["units of the state", `${sameWords(gone, `of ${all} unit`)} at all ${steps} steps`];
  return `${left} of ${all} ${what}${expected}${scaled}${gone > 0 ? `: ${same}` : ""}`;
}

/**
 * @param {number} gone
 * @param {string} what
 */
function sameWords(gone, what) {
  return gone === 1
    ? `the same ${gone} ${what}${what.startsWith("of") ? "s" : ""} is dropped`
    : `the same ${gone} ${what}s are dropped`;
}

/**
 * How many whole groups are gone.
 * @param {LayerPicture} layer
 */
export function droppedGroups({ site, states }) {
  const { groups, units, order } = site;
  const size = units / groups;
  let gone = 0;
  for (let group = 0; group < groups; group += 1) {
    let isGone = true;
    for (let member = group * size; isGone && member < (group + 1) * size; member += 1) {
      isGone = states[order ? order[member] : member] === State.DROPPED;
    }
    gone += Number(isGone);
  }
  return gone;
}

/**
 * What sets a kind of dropout apart from the usual one.
 * @param {Picture["dropoutKind"]} kind
 * @param {LayerPicture[]} thinned
 */
function kindWords({ counted, phrases }, thinned) {
  const rates = [...new Set(thinned.map(({ rates: [rate, group] }) => 1 - (1 - rate) * (1 - group)))];
  if (counted === "weights" && thinned.every((layer) => layer.counted === "units")) {
    return "";
  }
  return filled(phrases.effect, {
    evaluation: listed(rates.map((rate) => times(1 - rate))),
    excess: listed(rates.map((rate) => (1 / (1 - rate)).toFixed(2))),
    spread: listed(rates.map((rate) => Math.sqrt(rate / (1 - rate)).toFixed(2))),
  });
}

/**
 * What a schedule has made of the rates.
 * @param {Lane} knobs
 * @param {number} began The step after which the network began.
 * @param {number} step
 * @param {LayerPicture[]} thinned
 */
function scheduleWords(knobs, began, step, thinned) {
  const { schedule = "constant", schedule_steps: length = 0 } = knobs ?? {};
  const end = began + length;
  const at = formatCount(end);
  if (schedule === "constant" || !drops(knobs)) {
    return "";
  }
  if (schedule === "early") {
    return step <= end ? `Early dropout: it ends at step ${at}.` : `Early dropout: it ended at step ${at}.`;
  }
  if (schedule === "late") {
    return step <= end ? `Late dropout: it begins after step ${at}.` : `Late dropout: it began after step ${at}.`;
  }
  const name = schedule === "ramp_down" ? "ramp down" : "ramp up";
  const when = `${step < end ? "ends" : "ended"} at step ${at}`;
  const rates = new Set(thinned.flatMap((layer) => layer.rates.filter((rate) => rate > 0)));
  if (rates.size === 0) {
    return `The ${name} ${when}.`;
  }
  const now = listed([...rates].map((rate) => rate.toFixed(2)));
  return `${rates.size > 1 ? "Rates" : "Rate"} now ${now} (${name}, ${when}).`;
}

/** @param {string[]} words */
function listed(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}
