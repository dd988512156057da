// What it costs to leave training mode on where networks are judged, in words.

import { formatCount, formatLoss, formatPercent } from "../model/stats.js";
import { judge, order } from "../model/verdict.js";
import { joined, listed, points, quoted } from "./common.js";

/**
 * One network judged in both modes. Accuracies are shares, losses are log-losses.
 * @typedef {object} Judged
 * @property {string} name
 * @property {boolean} drops Whether it has dropout.
 * @property {boolean} norm Whether it has batch norm.
 * @property {number} accuracy In eval mode.
 * @property {number} loss
 * @property {number} forgotten Its accuracy with training mode left on.
 * @property {number} forgottenLoss
 */

/**
 * The numbers of which the sentence speaks.
 * @typedef {{ step: number, valSize: number, lanes: Judged[] }} ForgottenReading
 */

const FEW = 4; // networks that are spoken of one by one

/** @param {ForgottenReading | null} reading `null` before the first look. */
export function forgottenSentence(reading) {
  if (reading === null || reading.lanes.length === 0) {
    return "No network has been judged in both modes yet.";
  }
  const { step, lanes, valSize } = reading;
  const sound = lanes.filter(isSound);
  const gone = lanes.filter((lane) => !isSound(lane));
  const same = sound.filter((lane) => !changes(lane));
  const differ = sound.filter(changes).sort((one, other) => lossOf(other) - lossOf(one));
  return joined([
    `Step ${formatCount(step)}.`,
    gone.length > 0 ? `${listed(gone)} diverged.` : null,
    ...differ.slice(0, differ.length > FEW ? 1 : FEW).map((lane) => laneWords(lane, valSize)),
    differ.length > FEW
      ? `That is the most of ${formatCount(differ.length)}${isAlone(sound, valSize) ? "" : ", but not alone: others are too close to tell apart"}; the least is ${points(lossOf(differ[differ.length - 1]))}, of ${quoted(differ[differ.length - 1].name)}.`
      : null,
    same.length > 0 ? sameWords(same) : null,
  ]);
}

/**
 * Whether one network loses more than all others, as far as can be told.
 * @param {Judged[]} lanes
 * @param {number} valSize
 */
const isAlone = (lanes, valSize) =>
  judge({
    measure: "forgotten",
    values: lanes.map(lossOf),
    right: lanes.map(({ accuracy }) => accuracy),
    valSize,
  }).isAlone;

/** @param {Judged} lane */
const isSound = ({ loss, forgottenLoss }) => Number.isFinite(loss) && Number.isFinite(forgottenLoss);

/** @param {Judged} lane */
const changes = ({ drops, norm }) => drops || norm;

/** @param {Judged} lane */
const lossOf = ({ accuracy, forgotten }) => accuracy - forgotten;

/**
 * @param {Judged} lane
 * @param {number} valSize
 */
function laneWords({ name, drops, norm, accuracy, forgotten, loss, forgottenLoss }, valSize) {
  const gap = accuracy - forgotten;
  const lead = `${quoted(name)} gets ${formatPercent(accuracy)} of the validation examples right, and ${formatPercent(forgotten)} with training mode left on`;
  const losses = `log-loss ${formatLoss(loss)} and ${formatLoss(forgottenLoss)}`;
  const cause = drops && norm ? "dropout and batch norm" : drops ? "dropout" : "batch norm";
  const isChance = order("val_accuracy", forgotten, accuracy, valSize) === "alike";
  if (isChance) {
    return `${lead}: ${points(gap)}, too few to speak of (${losses}).`;
  }
  return `${lead}: ${points(gap)} ${gap > 0 ? "lost" : "won"} by ${cause} left on (${losses}).`;
}

/** @param {Judged[]} lanes */
function sameWords(lanes) {
  const [has, mode] = lanes.length > 1 ? ["have", "them"] : ["has", "it"];
  return `${listed(lanes)} ${has} neither dropout nor batch norm: both modes are the same to ${mode}.`;
}
