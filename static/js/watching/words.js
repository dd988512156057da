// What the page of a watched model says in words. Pure.

/** @import { Watch, WatchChange, WatchedSite, WatchLinkState, WatchState, WatchWarning } from "../types.js" */

import { formatCount, formatLoss, formatOne, formatPercent } from "../model/stats.js";
import { capital, joined } from "../words/common.js";

/** Where there is no number yet. */
export const NONE = "–";
/** The close code where no watch has this id: there may be one again, once its training process has found the lab anew. */
export const UNKNOWN = 4404;
const FEW = 5; // units that are named one by one

/**
 * Some of something: 1 step, 2 steps.
 * @param {number} count
 * @param {string} one
 * @param {string} [more]
 */
export const counted = (count, one, more = `${one}s`) => `${formatCount(count)} ${count === 1 ? one : more}`;

/**
 * A dropout rate as it is written: 0, 0.25, 0.5.
 * @param {number | null} rate
 */
export const rateWords = (rate) => (rate === null ? "not known" : String(Number(rate.toFixed(3))));

/**
 * 1st, 2nd, 3rd, 4th, 11th.
 * @param {number} place
 */
function ordinal(place) {
  const end = place % 100 > 10 && place % 100 < 14 ? "th" : (["th", "st", "nd", "rd"][place % 10] ?? "th");
  return `${formatCount(place)}${end}`;
}

/** Where the page stands with a watch. @typedef {"connecting" | "reconnecting" | "nowhere" | "stopped" | "apart" | "waiting" | "training" | "paused"
 *   | "ended" | "failed"} Standing */

/**
 * @param {Pick<Watch, "fed" | "state">} watch
 * @param {Pick<WatchLinkState, "status" | "code">} link
 * @param {boolean} isGreeted Whether the server has answered ever.
 * @returns {Standing}
 */
export function standingOf({ fed, state }, { status, code }, isGreeted) {
  if (status !== "open") {
    const before = code === UNKNOWN ? "nowhere" : "connecting";
    return status === "refused" ? "stopped" : isGreeted ? "reconnecting" : before;
  }
  if (state && (state.state === "ended" || state.state === "failed")) {
    return state.state;
  }
  if (!fed) {
    return "apart";
  }
  return state ? state.state : "waiting";
}

/** @type {Record<Standing, string>} */
const STANDING = {
  connecting: "connecting to the lab",
  reconnecting: "reconnecting to the lab",
  nowhere: "not found",
  stopped: "not connected",
  apart: "the training process is not connected",
  waiting: "waiting for the first pass",
  training: "training",
  paused: "paused",
  ended: "ended",
  failed: "failed",
};

/** @param {Standing} standing */
export const standingWords = (standing) => STANDING[standing];

/**
 * What there is to know beside the state.
 * @param {Standing} standing
 * @param {string} message The server's words.
 * @param {boolean} hasSome Whether anything of the model is shown.
 */
export function standingMore(standing, message, hasSome) {
  const kept = hasSome ? "What is shown here came before." : "";
  switch (standing) {
    case "connecting":
    case "reconnecting":
      return joined([sentence(message), "This page tries again by itself.", kept]);
    case "nowhere":
      return "This page looks for it again and again.";
    case "stopped":
      return joined([sentence(message), kept]);
    case "apart":
      return joined(["It goes on, or has gone: the lab does not hear from it now.", kept]);
    case "failed":
      return "An error stopped the training process.";
    case "paused":
      return "The training loop waits in lab.step.";
    default:
      return "";
  }
}

/** @param {string} message */
function sentence(message) {
  const text = message.trim();
  return text === "" ? "" : capital(/[.!?]$/.test(text) ? text : `${text}.`);
}

/** @type {Record<WatchState["mode"], string>} */
const MODES = {
  step: "",
  optimizer: "A step is a step of the optimizer.",
  backward: "A step is a backward pass.",
};

/**
 * What sampling does.
 * @param {WatchState | null} state
 * @param {Standing} standing
 */
export function samplingWords(state, standing) {
  if (!state) {
    return standing === "nowhere" ? "" : "Nothing has been recorded yet.";
  }
  const isOver = standing !== "training" && standing !== "paused";
  const { every, cost, lost, sampled, mode } = state;
  const lostWords = lost > 0 ? `${capital(counted(lost, "frame"))} ${lost === 1 ? "was" : "were"} lost.` : null;
  if (sampled === 0) {
    return joined([isOver ? "No mask was recorded." : "No mask has been recorded yet.", MODES[mode], lostWords]);
  }
  const often = Math.round(every ?? 0);
  const which = often > 1 ? `about every ${ordinal(often)} pass` : often === 1 ? "every pass" : "some passes";
  const recorded = `Masks of ${which} ${isOver ? "were" : "are"} recorded`;
  const costs =
    cost === null || cost === undefined || !Number.isFinite(cost)
      ? "."
      : `; watching ${isOver ? "cost" : "costs"} ${formatPercent(cost)} of the training’s time.`;
  return joined([`${recorded}${costs}`, MODES[mode], lostWords]);
}

/** @param {number} count */
export const timesWords = (count) => (count === 1 ? "Seen once" : `Seen ${formatCount(count)} times`);

/**
 * Where a warning is from, and how often it came.
 * @param {WatchWarning} warning
 */
export function warningPlace({ where, count, step, text }) {
  const first = `${count === 1 ? "" : "first "}at step ${formatCount(step)}`;
  return `${timesWords(count)}, ${first}${where && !text.includes(where) ? `, called from ${where}` : ""}.`;
}

/** What to do about warnings of a kind. @type {Record<string, string>} */
const ADVICE = {
  eval: "Call model.eval() before validation, and model.train() after it.",
};

/** @param {WatchWarning} warning */
export const warningAdvice = ({ kind, text }) =>
  /eval|valid/.test(kind) && !text.includes("model.eval()") ? ADVICE.eval : "";

/**
 * What a site is: `nn.Dropout · drops units · p = 0.5`.
 * @param {WatchedSite} site
 */
export function siteAbout({ kind, of, rate, off, training, where }) {
  const now = off ? "switched off" : `p ${rate === null ? "is" : "="} ${rateWords(rate)}`;
  return [kind, `drops ${of}`, now, training === false ? "evaluation mode" : null, where].filter(Boolean).join(" · ");
}

/**
 * How the counts lie, with what is expected.
 * @param {import("./chance.js").Lying} lying
 * @param {number} rate
 * @param {{ step: number, kept: number, size: number } | null} newest
 */
export function keptWords({ rows, outside, expected, verdict }, rate, newest) {
  if (rows === 0 || !newest) {
    return "No mask has been recorded yet.";
  }
  const last = `Step ${formatCount(newest.step)} kept ${formatCount(newest.kept)} of ${formatCount(newest.size)}.`;
  if (rate === 0 || rate === 1) {
    const all = rate === 0 ? "every mask must keep all" : "every mask must drop all";
    const some = outside === 0 ? "and does" : `and ${counted(outside, "mask does", "masks do")} not`;
    return `${last} At p = ${rateWords(rate)} ${all}, ${some}.`;
  }
  const of = `${formatCount(outside)} of the last ${counted(rows, "mask")} at p = ${rateWords(rate)}`;
  const lie = outside === 1 ? "lies" : "lie";
  const chance = verdict === "more" ? `: more than chance allows` : "";
  return `${last} ${of} ${lie} outside the band of 95%; chance puts about ${roughly(expected)} there${chance}.`;
}

/** @param {number} value */
function roughly(value) {
  return value < 9.5 ? formatOne(value) : formatCount(Math.round(value));
}

/** @param {number} value */
const fewOrAbout = (value) => (value < 0.05 ? "none" : `about ${roughly(value)}`);

/**
 * Units that never varied.
 * @param {import("./chance.js").Unvarying} found
 * @param {string} of What one bit stands for.
 */
export function unvaryingWords(found, of) {
  const { samples, units, never, always } = found;
  if (samples === 0) {
    return "";
  }
  const passes = counted(samples, "recorded pass", "recorded passes");
  if (never.length === 0 && always.length === 0) {
    return `Each of ${formatCount(units)} ${of} was kept at least once and dropped at least once in ${passes}.`;
  }
  return joined([
    never.length > 0 ? oneKind(never, "never", units, of, passes, found.expectedNever, found.isNeverFair) : null,
    always.length > 0 ? oneKind(always, "always", units, of, passes, found.expectedAlways, found.isAlwaysFair) : null,
  ]);
}

/**
 * @param {number[]} which
 * @param {"never" | "always"} how
 * @param {number} units
 * @param {string} of
 * @param {string} passes
 * @param {number} expected
 * @param {boolean} isFair
 */
function oneKind(which, how, units, of, passes, expected, isFair) {
  const were = which.length === 1 ? "was" : "were";
  const chance = `chance makes ${fewOrAbout(expected)} so`;
  const names = isFair ? "" : `: ${named(which)}`;
  const more = isFair ? "" : " This is more than chance allows.";
  return `${formatCount(which.length)} of ${formatCount(units)} ${of} ${were} ${how} dropped in ${passes}; ${chance}${names}.${more}`;
}

/**
 * Up to five by number.
 * @param {readonly number[]} units
 */
export function named(units) {
  const some = units.slice(0, FEW).map((unit) => formatCount(unit));
  const more = units.length - some.length;
  return `${units.length === 1 ? "number" : "numbers"} ${some.join(", ")}${more > 0 ? ` and ${formatCount(more)} more` : ""}`;
}

/**
 * @param {number[] | null} dead
 * @param {number} units
 * @param {number} samples
 * @param {string} of
 */
export function deadWords(dead, units, samples, of) {
  if (dead === null) {
    return "The activations in front of it were not seen.";
  }
  const passes = counted(samples, "recorded pass", "recorded passes");
  if (dead.length === 0) {
    return `None of ${formatCount(units)} ${of} was 0 for every example of all ${passes}: none is dead.`;
  }
  const [were, are] = dead.length === 1 ? ["was", "it is"] : ["were", "they are"];
  return `${formatCount(dead.length)} of ${formatCount(units)} ${of} ${were} 0 for every example of all ${passes}: ${are} dead (${named(dead)}).`;
}

/** @param {{ mean: number, deviation: number, zero: number }} summary */
export function activationWords({ mean, deviation, zero }) {
  return `In front of it, newest recorded pass: mean ${signed(mean)}, standard deviation ${formatLoss(deviation)}; ${formatPercent(zero)} are 0.`;
}

/** @param {number} value */
export const signed = (value) => formatLoss(value).replace("-", "−");

/**
 * A change in a few words: `p 0.5 → 0.2`, `off`, `on`.
 * @param {WatchChange} change
 */
export function changeWords({ knob, from, to }) {
  return knob === "off"
    ? to
      ? "switched off"
      : "switched on"
    : `p from ${rateWords(Number(from))} to ${rateWords(Number(to))}`;
}

/**
 * What a model is: `Classifier · 1,234,567 parameters · cpu · PyTorch 2.13`.
 * @param {NonNullable<Watch["model"]>} model
 */
export function modelAbout({ type, parameters, device, torch }) {
  return [type, counted(parameters, "parameter"), device, torch && `PyTorch ${torch}`].filter(Boolean).join(" · ");
}

/**
 * A number as a person reads it at a glance: 950, 12.3k, 4.1M.
 * @param {number} value
 */
export function shortCount(value) {
  const [unit, letter] = value >= 1e9 ? [1e9, "B"] : value >= 1e6 ? [1e6, "M"] : value >= 1e4 ? [1e3, "k"] : [1, ""];
  return letter === "" ? formatCount(value) : `${formatOne(value / unit).replace(/\.0$/, "")}${letter}`;
}
