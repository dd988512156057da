// What was seen of averages: of sub-networks, of networks trained one by one, of a mode that was forgotten.

/** @import { SeenReading, Writer } from "./common.js" */

import { doubt, winner } from "../../outcome.js";
import { formatCount, formatLoss, formatOne, formatPercent } from "../../stats.js";
import { joined, points } from "../common.js";
import { NOT_SHOWN, nameOf, withAccuracy } from "./common.js";

/** @type {Writer} Lanes that differ by seed alone: one group without dropout, one with. */
export const realEnsemble = {
  write(reading) {
    const { facts, valSize } = reading;
    const groups = facts["committee/group"];
    const averages = facts["committee/average_accuracy"];
    const accuracy = facts["committee/accuracy"]; // of the same step as the averages
    if (!groups || !averages || !accuracy) {
      return joined([
        "The averages have not been measured at this step yet: they are while “Committee” is open.",
        spreadWords(reading),
      ]);
    }
    const [without, dropped] = [0, 1].map((group) =>
      readGroup(groups, accuracy, averages, facts["shape/committee"][1], group),
    );
    if (!without || !dropped) {
      return "There are no two groups of networks that differ by seed alone.";
    }
    const gap = dropped.mean - without.average;
    const isApart = Math.abs(gap) > doubt("val_accuracy", dropped.mean, without.average, valSize);
    const versus = `one network with dropout gets ${formatPercent(dropped.mean)} on average, ${formatCount(without.size)} without it, averaged, ${formatPercent(without.average)}`;
    return joined([
      !isApart
        ? `They cannot be told apart: ${versus}.`
        : gap > 0
          ? `One network with dropout does better than a real ensemble without: ${versus}.`
          : `The real ensemble does better: ${versus}. That one network with dropout matches it, this run does not show.`,
      `Averaging adds ${signed(without.average - without.mean)} to the ones without and ${signed(dropped.average - dropped.mean)} to the ones with.`,
    ]);
  },
  figures({ facts }) {
    const [groups, averages] = [facts["committee/group"], facts["committee/average_accuracy"]];
    const accuracy = facts["committee/accuracy"];
    if (!groups || !averages || !accuracy) {
      return [];
    }
    const read = [0, 1].map((group) => readGroup(groups, accuracy, averages, facts["shape/committee"][1], group));
    return read.flatMap((group, index) => {
      const which = index === 0 ? "without" : "with";
      return group
        ? /** @type {[string, number][]} */ ([
            [`Accuracy of one network ${which} dropout`, 100 * group.mean],
            [`Accuracy of five ${which} dropout, averaged`, 100 * group.average],
          ])
        : [];
    });
  },
};

/**
 * @param {number[]} groups
 * @param {number[]} accuracy
 * @param {number[]} averages (G, S), row by row
 * @param {number} columns
 * @param {number} group
 */
function readGroup(groups, accuracy, averages, columns, group) {
  const members = [...groups.keys()].filter((lane) => groups[lane] === group);
  const average = averages[group * columns + members.length - 1];
  const mean = members.reduce((sum, lane) => sum + accuracy[lane], 0) / members.length;
  return Number.isFinite(average) && Number.isFinite(mean) ? { size: members.length, mean, average } : null;
}

/** @param {number} share */
const signed = (share) => `${share < 0 ? "−" : ""}${points(share)}`;

/** @param {SeenReading} reading */
function spreadWords(reading) {
  const { accuracy } = reading;
  const [most, least] = [winner(accuracy, "greatest"), winner(accuracy, "least")];
  return most < 0 ? null : `By itself ${withAccuracy(reading, most)} does best, ${withAccuracy(reading, least)} worst.`;
}

const NEAR = 0.005; // half a point of accuracy

/** @type {Writer} Of the followed lane: the running average of 1 … M sub-networks. */
export const averages = {
  write({ facts }) {
    const accuracy = facts["ensemble/accuracy/average"];
    const scaling = facts["ensemble/accuracy/scaling"]?.[0];
    if (!accuracy || accuracy.length === 0 || scaling === undefined) {
      return "No sub-networks have been averaged yet.";
    }
    const from = settledFrom(accuracy, scaling);
    const last = accuracy.length - 1;
    const members = formatCount(accuracy.length);
    const single = facts["ensemble/accuracy/member"]?.reduce((sum, each) => sum + each, 0) ?? Number.NaN;
    return joined([
      `One sub-network gets ${formatPercent(single / accuracy.length)} on average, the whole network ${formatPercent(scaling)}, the average of ${members} ${formatPercent(accuracy[last])}.`,
      from === null
        ? `It does not stay within half a point of the whole network: that so many are enough, this run does not show.`
        : `From ${formatCount(from)} on it stays within half a point of the whole network.`,
      lossWords(facts, last),
    ]);
  },
  figures({ facts, names }) {
    const accuracy = facts["ensemble/accuracy/average"] ?? [];
    const isDropout = names[facts["ensemble/lane"]?.[0]] === "Dropout";
    const which = facts["ensemble/fresh"]?.[0] === 1 ? "fresh masks" : "one mask each";
    return isDropout
      ? [
          [`Accuracy of the average of 64, ${which}, trained with dropout`, 100 * accuracy[63]],
          ["Accuracy of weight scaling, trained with dropout", 100 * facts["ensemble/accuracy/scaling"]?.[0]],
          ["Log-loss of weight scaling, trained with dropout", facts["ensemble/loss/scaling"]?.[0]],
          ["Log-loss of the average of 64, trained with dropout", facts["ensemble/loss/average"]?.[63]],
          ["Log-loss of the geometric mean of 64, trained with dropout", facts["ensemble/loss/geometric"]?.[63]],
        ]
      : [];
  },
};

/**
 * From how many members on an average stays near a value; `null` where it does not even end there.
 * @param {number[]} accuracy
 * @param {number} target
 */
function settledFrom(accuracy, target) {
  let from = null;
  for (let index = accuracy.length - 1; index >= 0 && Math.abs(accuracy[index] - target) <= NEAR; index -= 1) {
    from = index + 1;
  }
  return from;
}

/**
 * @param {SeenReading["facts"]} facts
 * @param {number} last
 */
function lossWords(facts, last) {
  const [ordinary, geometric, scaling] = [
    facts["ensemble/loss/average"]?.[last],
    facts["ensemble/loss/geometric"]?.[last],
    facts["ensemble/loss/scaling"]?.[0],
  ];
  if (!(ordinary && geometric && scaling)) {
    return null;
  }
  const reaches = (/** @type {number} */ loss) => loss <= 1.1 * scaling;
  const figuresOf = `${formatLoss(ordinary)} for the ordinary average, ${formatLoss(geometric)} for the geometric, ${formatLoss(scaling)} for the whole network`;
  return reaches(geometric) && !reaches(ordinary)
    ? `In log-loss only the geometric mean gets there: ${figuresOf}.`
    : `In log-loss: ${figuresOf}.`;
}

/** @type {Writer} */
export const draw = {
  write(reading) {
    const lane = winner(reading.accuracy, "greatest");
    const right =
      lane < 0
        ? ""
        : ` ${nameOf(reading, lane)} gets ${formatPercent(reading.accuracy[lane])} of ${formatCount(reading.valSize)} validation digits right.`;
    return `What you draw is judged on the spot and leaves no figures.${right} Your own digits are none of those: they are drawn, not scanned, and may be harder.`;
  },
};

/** @type {Writer} */
export const forgottenEval = {
  write(reading) {
    const { facts, names, valSize } = reading;
    const lost = facts["forgotten/lost"];
    if (!lost) {
      return "At this step nothing has been judged with training mode left on yet: it is while “The forgotten eval()” is open.";
    }
    const right = facts["forgotten/val_accuracy"];
    const most = winner(lost, "greatest");
    const each = names.map((_, lane) => `${nameOf(reading, lane)} ${gainOrLoss(lost[lane])}`);
    const plain =
      Math.abs(lost[0]) < 1e-6 ? `${nameOf(reading, 0)} has nothing to forget: both modes are the same.` : null;
    const real = lost[most] > doubt("val_accuracy", right?.[most] ?? 0.5, (right?.[most] ?? 0.5) - lost[most], valSize);
    return joined([
      real
        ? `${nameOf(reading, most)} loses most when judged in training mode: ${points(lost[most])} of accuracy.`
        : `Forgetting eval() should cost accuracy; no loss is beyond chance, and ${NOT_SHOWN}.`,
      `All of them: ${each.join(", ")}.`,
      plain,
    ]);
  },
  figures({ facts, names }) {
    const [right, left] = [facts["forgotten/val_accuracy"], facts["forgotten/forgotten_accuracy"]];
    const lane = names.indexOf("Dropout");
    return right && left && lane >= 0
      ? [
          ["Accuracy as it should be: dropout", 100 * right[lane]],
          ["Accuracy with dropout left on: dropout", 100 * left[lane]],
        ]
      : [];
  },
};

/** @param {number} lost */
function gainOrLoss(lost) {
  return Number.isFinite(lost)
    ? `${lost > 0 ? "−" : lost < 0 ? "+" : ""}${formatOne(100 * Math.abs(lost))}`
    : "no number";
}
