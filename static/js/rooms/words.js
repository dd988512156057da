// What pages of rooms say in words.

/** @import { RoomLinkState, RoomQuestion, RoomRunState } from "../types.js" */

import { formatCount, formatLoss, formatPercent } from "../model/stats.js";

/** Where there is no number yet. */
export const NONE = "–";

/** @type {Record<RoomLinkState["status"], string>} */
const LINK = {
  connecting: "connecting",
  open: "connected",
  waiting: "reconnecting",
  refused: "not connected",
  ended: "ended",
};

/**
 * How the link is, in a word.
 * @param {RoomLinkState} state
 */
export const linkWord = ({ status }) => LINK[status];

/**
 * A room that cannot be watched, although the server answers.
 * @param {string} host
 */
export const blockedWords = (host) =>
  `Pages of ${host} arrive here, and live connections do not. Ask whoever runs this network, or the proxy in front of ${host}, to let WebSockets through. This page keeps trying.`;

/** @type {Record<RoomRunState, string>} */
const STATES = {
  opening: "being made",
  playing: "training",
  paused: "paused",
  lost: "interrupted",
  ended: "ended",
};

/**
 * Where a run is: `Step 432 · training`.
 * @param {number} step
 * @param {RoomRunState} state
 */
export const placeWords = (step, state) => `Step ${formatCount(step)} · ${STATES[state] ?? state}`;

/** @param {number | null | undefined} share */
export const shareWords = (share) => (share === null || share === undefined ? NONE : formatPercent(share));

/** @param {number | null | undefined} loss */
export const lossWords = (loss) => (loss === null || loss === undefined ? NONE : formatLoss(loss));

/**
 * A dropout rate as it is written: 0, 0.25, 0.5.
 * @param {number} rate
 */
export const rateWords = (rate) => String(Number(rate.toFixed(2)));

/**
 * A place in an order: 1st, 2nd, 3rd, 4th, 11th.
 * @param {number} place
 */
export function ordinal(place) {
  const end = place % 100 > 10 && place % 100 < 14 ? "th" : (["th", "st", "nd", "rd"][place % 10] ?? "th");
  return `${formatCount(place)}${end}`;
}

/**
 * Some of something: 1 step, 2 steps.
 * @param {number} count
 * @param {string} one
 * @param {string} [more]
 */
export const counted = (count, one, more = `${one}s`) => `${formatCount(count)} ${count === 1 ? one : more}`;

/** @type {Record<RoomQuestion["phase"], string>} */
const PHASES = {
  asked: "Question",
  shown: "What the class expects",
  running: "Question",
  again: "What did you see?",
  told: "The answer",
};

/**
 * What a phase of a question is headed with.
 * @param {RoomQuestion["phase"]} phase
 */
export const phaseWord = (phase) => PHASES[phase];
