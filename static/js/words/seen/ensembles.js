// What was seen of averages: of sub-networks, of networks trained one by one, of a mode that was forgotten.

/** @import { SeenReading, Writer } from "./common.js" */

import { formatCount, formatLoss, formatOne, formatPercent } from "../../model/stats.js";
import { extreme, judge, order } from "../../model/verdict.js";
import { joined, points } from "../common.js";
import { bestWords, figuresOf, lostIn, NOT_SHOWN, nameOf } from "./common.js";

/** @type {Writer} Lanes that differ by seed alone: one group without dropout, one with. */
const realEnsemble = {
  write(reading) {
    const { facts, valSize } = reading;
    const groups = facts["separate/group"];
    const averages = facts["separate/average_accuracy"];
    const accuracy = facts["separate/accuracy"]; // of the same step as the averages
    if (!groups || !averages || !accuracy) {
      return joined([
        "The averages have not been measured at this step yet: they are while “Separate networks” is open.",
        spreadWords(reading),
      ]);
    }
    const [without, dropped] = [0, 1].map((group) => readGroup(groups, accuracy, averages, group));
    if (!without || !dropped) {
      return "There are no two groups of networks that differ by seed alone.";
    }
    const gap = dropped.mean - without.average;
    const isApart = order("val_accuracy", dropped.mean, without.average, valSize) !== "alike";
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
    const groups = facts["separate/group"];
    if (!groups) {
      return {};
    }
    const read = (/** @type {number} */ group, /** @type {string} */ of) =>
      readGroup(groups, facts[`separate/${of}`], facts[`separate/average_${of}`], group);
    return Object.fromEntries(
      LANES.flatMap((name, group) => {
        const [accuracy, loss] = [read(group, "accuracy"), read(group, "loss")];
        return accuracy && loss
          ? [
              [`accuracy/${name}/one`, 100 * accuracy.mean],
              [`accuracy/${name}/five`, 100 * accuracy.average],
              [`loss/${name}/one`, loss.mean],
              [`loss/${name}/five`, loss.average],
            ]
          : [];
      }),
    );
  },
};

const LANES = ["without", "dropout"];

/**
 * @param {number[]} groups
 * @param {number[]} accuracy
 * @param {number[]} averages (G, S), row by row
 * @param {number} group
 */
function readGroup(groups, accuracy, averages, group) {
  const columns = averages.length / new Set(groups).size;
  const members = [...groups.keys()].filter((lane) => groups[lane] === group);
  const average = averages[group * columns + members.length - 1];
  const mean = members.reduce((sum, lane) => sum + accuracy[lane], 0) / members.length;
  return Number.isFinite(average) && Number.isFinite(mean) ? { size: members.length, mean, average } : null;
}

/** @param {number} share */
const signed = (share) => `${share < 0 ? "−" : ""}${points(share)}`;

/** @param {SeenReading} reading */
function spreadWords(reading) {
  return extreme(reading.accuracy, "greatest") < 0 ? null : bestWords(reading, "val_accuracy");
}

const NEAR = 0.005; // half a point of accuracy

/** @type {Writer} Of the followed lane: the running average of 1 … M sub-networks. */
const averages = {
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
  figures({ facts }) {
    const name = LANES[facts["ensemble/lane"]?.[0]];
    const accuracy = (facts["ensemble/accuracy/average"] ?? []).map((share) => 100 * share);
    const single = (facts["ensemble/accuracy/member"] ?? []).map((share) => 100 * share);
    const [scaling] = facts["ensemble/loss/scaling"] ?? [];
    const [ordinary, geometric] = ["average", "geometric"].map((mean) => facts[`ensemble/loss/${mean}`]?.[MEMBERS - 1]);
    const whole = {
      [`scaling/${name}`]: 100 * facts["ensemble/accuracy/scaling"]?.[0],
      [`scaling_loss/${name}`]: scaling,
    };
    if (facts["ensemble/fresh"]?.[0] === 1) {
      const counts = [2, 4, 8, 16, 32, MEMBERS];
      return {
        ...whole,
        ...Object.fromEntries(counts.map((count) => [`fresh_${count}/${name}`, accuracy[count - 1]])),
      };
    }
    return {
      ...whole,
      [`one/${name}`]: single.reduce((sum, each) => sum + each, 0) / single.length,
      [`average_${MEMBERS}/${name}`]: accuracy[MEMBERS - 1],
      [`arithmetic_loss/${name}`]: ordinary,
      [`geometric_loss/${name}`]: geometric,
      ...(name === "dropout" ? { arithmetic_ratio: ordinary / scaling, geometric_ratio: geometric / scaling } : {}),
    };
  },
};

const MEMBERS = 64; // of which others took the average

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
const draw = {
  write(reading) {
    const lane = extreme(reading.accuracy, "greatest");
    const right =
      lane < 0
        ? ""
        : ` ${nameOf(reading, lane)} gets ${formatPercent(reading.accuracy[lane])} of ${formatCount(reading.valSize)} validation digits right.`;
    return `What you draw is classified live and not recorded.${right} Your own digits are none of those: they are drawn, not scanned, and may be harder.`;
  },
  figures: () => ({}),
};

/** @type {Writer} */
const forgottenEval = {
  write(reading) {
    const { facts, names, valSize } = reading;
    const lost = lostIn(facts);
    if (!lost) {
      return "At this step nothing has been judged with training mode left on yet: it is while “The forgotten eval()” is open.";
    }
    const right = facts["forgotten/val_accuracy"];
    const { first: most, isAlone } = judge(figuresOf(reading, "forgotten"));
    const each = names.map((_, lane) => `${nameOf(reading, lane)} ${lostWords(lost[lane])}`);
    const plain =
      Math.abs(lost[0]) < 1e-6 ? `${nameOf(reading, 0)} has nothing to forget: both modes are the same.` : null;
    const whole = right?.[most] ?? 0.5;
    const real = order("val_accuracy", whole, whole - lost[most], valSize) === "higher";
    return joined([
      real
        ? isAlone
          ? `${nameOf(reading, most)} loses most when judged in training mode: ${points(lost[most])} of accuracy.`
          : bestWords(reading, "forgotten")
        : `Forgetting eval() should cost accuracy; no loss is beyond chance, and ${NOT_SHOWN}.`,
      `Points lost by each: ${each.join(", ")}.`,
      plain,
    ]);
  },
  figures: ({ facts, names }) =>
    Object.fromEntries(
      names.flatMap((name, lane) => [
        [`accuracy/${name}`, 100 * facts["forgotten/val_accuracy"]?.[lane]],
        [`loss/${name}`, facts["forgotten/val_loss"]?.[lane]],
        [`forgotten_accuracy/${name}`, 100 * facts["forgotten/forgotten_accuracy"]?.[lane]],
        [`forgotten_loss/${name}`, facts["forgotten/forgotten_loss"]?.[lane]],
      ]),
    ),
};

/** @param {number} lost */
const lostWords = (lost) => (Number.isFinite(lost) ? formatOne(100 * lost) : "no number");

/** By the id of the experiment. @type {Record<string, Writer>} */
export const WRITERS = {
  "real-ensemble": realEnsemble,
  averages,
  draw,
  "forgotten-eval": forgottenEval,
};
