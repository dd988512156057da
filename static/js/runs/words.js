// What is said of runs in a list: when, for how long still, what they train.

/** @import { ListedRun } from "../types.js" */

import { formatCount, formatLoss } from "../model/stats.js";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
const LONGEST = 100; // characters of a name

/**
 * What a run is called: by its owner, else by its experiment, else by what it trains.
 * @param {ListedRun} run
 * @param {ReadonlyMap<string, string>} experiments Titles by id.
 */
export function titleOf({ name, trains, experiment, search }, experiments) {
  const asked = experiment === null ? undefined : experiments.get(experiment);
  return name ?? asked ?? (search ? "Search" : trains ? `${trains.title} on ${dataset(trains.dataset)}` : "Run");
}

/**
 * A title that no other run has: with a number at its end, if need be.
 * @param {string} title
 * @param {readonly string[]} others
 */
export function numbered(title, others) {
  const plain = title.replace(/ \(\d+\)$/, "");
  for (let number = 2, name = title; ; number += 1) {
    if (!others.includes(name)) {
      return name;
    }
    const end = ` (${number})`;
    name = `${Array.from(plain)
      .slice(0, LONGEST - end.length)
      .join("")}${end}`;
  }
}

/** @param {string} name */
const dataset = (name) => name.replaceAll("_", " ");

/**
 * @param {number} count
 * @param {string} one
 */
const counted = (count, one) => `${formatCount(count)} ${one}${count === 1 ? "" : "s"}`;

/** @param {number} seconds Of a while; at least a minute is said. */
export function whileWords(seconds) {
  if (seconds < 1.5 * HOUR) {
    return counted(Math.max(1, Math.round(seconds / MINUTE)), "minute");
  }
  return seconds < 1.5 * DAY ? counted(Math.round(seconds / HOUR), "hour") : counted(Math.round(seconds / DAY), "day");
}

/**
 * When a run was used last.
 * @param {ListedRun} run
 * @param {number} now Seconds since 1970.
 */
export function whenWords({ state, used_at, viewers }, now) {
  if (state === "playing") {
    return "training now";
  }
  const ago = now - used_at;
  return viewers > 0 ? "open now" : ago < MINUTE ? "used just now" : `used ${whileWords(ago)} ago`;
}

/**
 * Whether a run is soon to be forgotten: within a day, unless it is pinned, or never kept for longer anyway.
 * @param {ListedRun} run
 * @param {number} now
 * @param {number | null} keepDays
 */
export function expiresSoon({ expires_at }, now, keepDays) {
  return expires_at !== null && keepDays !== null && expires_at - now < Math.min(DAY, (keepDays * DAY) / 2);
}

/**
 * How long a run is still kept.
 * @param {ListedRun} run
 * @param {number} now
 * @param {number | null} keepDays `null`: runs are not kept.
 */
export function keptWords({ pinned, expires_at }, now, keepDays) {
  if (pinned) {
    return "pinned: kept until you delete it";
  }
  if (expires_at === null) {
    return keepDays === null ? "ends some time after nobody watches it" : "kept while it is open";
  }
  const left = whileWords(Math.max(0, expires_at - now));
  return keepDays === null ? `ends in ${left}` : `kept for another ${left}`;
}

/** @param {ListedRun} run */
export function trainedWords({ trains, title }) {
  if (!trains) {
    return "opened by another version of the lab";
  }
  const what = `${trains.title} on ${dataset(trains.dataset)}`;
  return [...(what === title ? [] : [what]), counted(trains.lanes.length, "network")].join(", ");
}

/**
 * The rates of a network, in a few characters.
 * @param {{ dropout: number[], kind: string }} lane
 */
export function ratesWords({ dropout, kind }) {
  if (dropout.every((rate) => rate === 0)) {
    return "no dropout";
  }
  const rates = new Set(dropout).size === 1 ? [dropout[0]] : dropout;
  const numbers = rates.map((rate) => String(Number(rate.toPrecision(3))).replace(/^0\./, "."));
  return [kind || (rates.length > 1 ? "rates" : "rate"), ...numbers].join(" ");
}

/**
 * The values of one network along its curve.
 * @param {NonNullable<ListedRun["curves"]>} curves
 * @param {"train_loss" | "val_loss"} which
 * @param {number} lane
 */
export const curveOf = (curves, which, lane) => curves[which].map((row) => row[lane] ?? null);

/**
 * The least of some losses, and where it stands; `null` where there is no number.
 * @param {readonly (number | null)[]} values
 */
export function leastOf(values) {
  let least = -1;
  for (const [index, value] of values.entries()) {
    if (value !== null && (least < 0 || value < Number(values[least]))) {
      least = index;
    }
  }
  return least < 0 ? null : { index: least, value: Number(values[least]) };
}

/**
 * What the small curves of a run show.
 * @param {ListedRun} run
 */
export function curvesWords({ curves, trains }) {
  if (!curves || !trains) {
    return "No curves yet.";
  }
  const last = curves.step.length - 1;
  const each = trains.lanes.slice(0, 4).map(({ name }, lane) => {
    const [train, val] = [curves.train_loss[last][lane], curves.val_loss[last][lane]];
    return `“${name}”: training ${loss(train)}, validation ${loss(val)}`;
  });
  const more = trains.lanes.length > 4 ? `; and ${formatCount(trains.lanes.length - 4)} more` : "";
  return `Losses at step ${formatCount(curves.step[last])}. ${each.join("; ")}${more}.`;
}

/** @param {number | null | undefined} value */
export const loss = (value) => (value === null || value === undefined ? "none" : formatLoss(value));
