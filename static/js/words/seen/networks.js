// What was seen of other networks and other data.

/** @import { SeenReading, Writer } from "./common.js" */

import { formatLoss } from "../../model/stats.js";
import { joined } from "../common.js";
import { aboveFrom, bestWords, compared, laneFigures, NOT_SHOWN, nameOf, times, withLoss } from "./common.js";
import { accuracyWords } from "./training.js";

/**
 * Whether one lane is better than another, and by how much.
 * @param {SeenReading} reading
 * @param {number} one
 * @param {number} other
 */
function better(reading, one, other) {
  const order = compared(reading, "val_loss", one, other);
  const [low, high] = order === "lower" ? [one, other] : [other, one];
  if (order === "unknown") {
    return null;
  }
  return order === "alike"
    ? `${withLoss(reading, one)} and ${withLoss(reading, other)} cannot be told apart.`
    : `${withLoss(reading, low)} is better than ${withLoss(reading, high)}.`;
}

const [PLAIN, , , ELEMENTS, CHANNELS] = [0, 1, 2, 3, 4]; // lanes of the convolutional race

/** @type {Writer} */
const convolutional = {
  write(reading) {
    const helps = compared(reading, "val_loss", ELEMENTS, PLAIN);
    return joined([
      bestWords(reading, "val_loss"),
      helps === "lower"
        ? `Without dropout it is ${formatLoss(reading.loss[PLAIN])}, ${times(reading.loss[PLAIN] / reading.loss[ELEMENTS])} that of ${nameOf(reading, ELEMENTS)}.`
        : null,
      helps === "alike" || helps === "higher" ? `Dropout should help here: ${NOT_SHOWN}.` : null,
      better(reading, CHANNELS, ELEMENTS),
    ]);
  },
  figures: (reading) => ({ ...laneFigures(reading), crossing: aboveFrom(reading, PLAIN, ELEMENTS, 1.5) }),
};

const [NONE, OUTPUT, FRESH, ONE, ALL] = [0, 1, 2, 3, 4]; // lanes of the recurrent race

/** @type {Writer} */
const recurrent = {
  write(reading) {
    const output = compared(reading, "val_loss", OUTPUT, NONE);
    const masks = compared(reading, "val_loss", ONE, FRESH);
    return joined([
      bestWords(reading, "val_loss"),
      output === "lower" ? `Dropout of the output alone helps here: ${better(reading, OUTPUT, NONE)}` : null,
      output === "alike" || output === "higher"
        ? `Dropout of the output alone does not help: ${formatLoss(reading.loss[OUTPUT])} against ${formatLoss(reading.loss[NONE])} without.`
        : null,
      masks === "lower"
        ? `One mask for all time steps is better than a fresh one at each: ${formatLoss(reading.loss[ONE])} against ${formatLoss(reading.loss[FRESH])}.`
        : null,
      masks === "alike" || masks === "higher"
        ? `That one mask for all time steps (${formatLoss(reading.loss[ONE])}) is better than a fresh one at each (${formatLoss(reading.loss[FRESH])}), this run does not show.`
        : null,
      compared(reading, "val_loss", ALL, ONE) === "lower"
        ? `Lower still with dropout in all three places: ${formatLoss(reading.loss[ALL])}.`
        : null,
    ]);
  },
  figures: laneFigures,
};

/** @type {Writer} Lane 0 is without dropout, lane 1 with. */
const boundaries = {
  write(reading) {
    const { facts } = reading;
    const order = compared(reading, "val_accuracy", 1, 0);
    const unsure = facts["subnetworks/information"];
    const mean = unsure ? unsure.reduce((sum, each) => sum + each, 0) / unsure.length : Number.NaN;
    return joined([
      accuracyWords(reading),
      order === "alike" || order === "lower"
        ? `Dropout should draw the better line among flipped labels: ${NOT_SHOWN}.`
        : null,
      Number.isFinite(mean)
        ? `Over the plane the sixteen sub-networks disagree by ${mean.toFixed(3)} nats on average, of at most 0.693.`
        : null,
    ]);
  },
  figures: ({ accuracy, loss }) => ({
    "val_accuracy/without": 100 * accuracy[0],
    "val_accuracy/dropout": 100 * accuracy[1],
    gain: 100 * (accuracy[1] - accuracy[0]),
    "val_loss/without": loss[0],
    "val_loss/dropout": loss[1],
  }),
};

/** By the id of the experiment. @type {Record<string, Writer>} */
export const WRITERS = {
  convolutional,
  recurrent,
  boundaries,
};
