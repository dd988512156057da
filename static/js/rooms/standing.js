// What a student's page shows, of what the room has told: pure, and the same for the same topics.

/** @import { MineTopic, RoomRunState, RoomTopic, RoomTopics, YouTopic } from "../types.js" */
/** @import { CurvePicture } from "./curve.js" */

import { formatCount } from "../model/stats.js";
import { counted, lossWords, NONE, ordinal, placeWords, rateWords, shareWords } from "./words.js";

/** A number with what it is: `lane` is its colour, if it has one. @typedef {{ label: string, value: string, more: string, lane: number | null }} Figure */

/**
 * @typedef {object} Standing
 * @property {string} title
 * @property {string} place Where the run is; empty: there is none.
 * @property {string} note One or two sentences on what is going on, or what can be done now.
 * @property {boolean} isWaiting There is nothing to show yet.
 * @property {string} measure What the figures are, where they are alike.
 * @property {Figure[]} figures
 * @property {boolean} isTable Whether the figures are those of networks beside each other.
 * @property {string} later What it means that the own place began later; empty: it did not.
 * @property {boolean} hasKnobs
 * @property {boolean} canTurn
 * @property {"play" | "pause" | null} transport What the own run can be told; `null`: nothing.
 * @property {boolean} canBegin Whether the own network can be begun again.
 * @property {string | null} run That the whole lab can show.
 */

/** @type {Pick<Standing, "isWaiting" | "measure" | "figures" | "isTable" | "later" | "hasKnobs" | "canTurn" | "transport" | "canBegin" | "run" | "place">} */
const EMPTY = {
  place: "",
  isWaiting: true,
  measure: "",
  figures: [],
  isTable: false,
  later: "",
  hasKnobs: false,
  canTurn: false,
  transport: null,
  canBegin: false,
  run: null,
};
const PAUSED = "The host has paused the room.";
const RIGHT = "New examples right";
const LOSS = "Loss on new examples";

/**
 * @param {Partial<RoomTopics>} topics
 * @returns {Standing}
 */
export function standingOf(topics) {
  const { room, you } = topics;
  if (!room || !you) {
    return { ...EMPTY, title: "Class room", note: "Waiting for the room …" };
  }
  if (room.way === "own") {
    return own(room, you, topics.mine);
  }
  return room.way === "class" ? inClass(room, you, topics.mine) : following(room, you, topics.followed);
}

/**
 * What becomes of a run that is not simply training, in words; empty: it trains.
 * @param {RoomRunState} state
 * @param {string} whose `The network`
 * @param {string} paused What is said of a pause.
 */
function stateNote(state, whose, paused) {
  const notes = {
    opening: `${whose} is being made.`,
    playing: "",
    paused,
    lost: `The process that trained ${whose.charAt(0).toLowerCase()}${whose.slice(1)} was lost. It is being started again.`,
    ended: `${whose} has ended.`,
  };
  return notes[state] ?? "";
}

/**
 * @param {RoomTopic} room
 * @param {YouTopic} you
 * @param {RoomTopics["followed"] | undefined} followed
 * @returns {Standing}
 */
function following(room, you, followed) {
  const title = room.experiment?.title ?? "The host’s networks";
  if (!room.run) {
    return {
      ...EMPTY,
      title,
      note: room.paused ? PAUSED : "The host has not begun yet. This page will show it at once.",
    };
  }
  if (!followed || followed.run !== room.run.id) {
    return {
      ...EMPTY,
      title,
      note: stateNote(room.run.state, "The host’s run", "") || "Waiting for the first numbers …",
    };
  }
  const isLent = room.knobs_of?.id === you.id;
  const canTurn = isLent && you.may_turn;
  const note = isLent
    ? "You have the knobs: the slider below moves the host’s network, for everybody to see."
    : room.knobs_of
      ? `${room.knobs_of.name} has the knobs now.`
      : "You see what the host’s networks do.";
  return {
    ...EMPTY,
    title,
    place: placeWords(followed.step, followed.state),
    note:
      (room.paused && PAUSED) ||
      stateNote(followed.state, "The host’s run", isLent ? "" : "The host has paused.") ||
      note,
    isWaiting: false,
    measure: RIGHT,
    figures: followed.networks.map(({ name, hidden, accuracy, loss }, lane) => ({
      label: name,
      value: shareWords(accuracy),
      more: `${hidden === null ? "" : `rate ${rateWords(hidden)}, `}loss ${lossWords(loss)}`,
      lane,
    })),
    isTable: true,
    hasKnobs: isLent,
    canTurn,
    run: followed.run,
  };
}

/**
 * @param {RoomTopic} room
 * @param {YouTopic} you
 * @param {MineTopic | undefined} mine
 * @returns {Standing}
 */
function own(room, you, mine) {
  const title = room.experiment?.title ?? "Your own network";
  if (!you.run) {
    const note =
      room.students.waiting > 0
        ? "The server trains as many networks as it can. Yours begins as soon as there is room for it."
        : "Your own network is being made.";
    return { ...EMPTY, title, note: room.paused ? PAUSED : note };
  }
  if (!mine) {
    return { ...EMPTY, title, note: "Waiting for the first numbers …" };
  }
  const { without } = mine;
  const rate = you.knobs?.hidden;
  const label = rate === undefined ? "With dropout" : `Dropout rate ${rateWords(rate)}`;
  const lossWithout = without?.loss ?? mine.curve.without?.findLast((value) => value !== null) ?? null;
  const hasShares = without !== undefined;
  return {
    ...EMPTY,
    title,
    place: placeWords(mine.step, mine.state),
    note:
      (room.paused && PAUSED) ||
      goneNote(mine.gone) ||
      stateNote(mine.state, "Your network", "Your network is paused. Press Play to go on.") ||
      "Move the slider: your network trains on with the new rate.",
    isWaiting: false,
    measure: hasShares ? RIGHT : LOSS,
    figures: [
      {
        label: "Without dropout",
        value: hasShares ? shareWords(without.accuracy) : lossWords(lossWithout),
        more: hasShares ? `loss ${lossWords(lossWithout)}` : "",
        lane: 0,
      },
      {
        label,
        value: hasShares ? shareWords(mine.accuracy) : lossWords(mine.loss),
        more: hasShares ? `loss ${lossWords(mine.loss)}` : `${shareWords(mine.accuracy)} right`,
        lane: 1,
      },
    ],
    hasKnobs: true,
    canTurn: you.may_turn,
    transport: mine.state === "playing" ? "pause" : mine.state === "paused" && !room.paused ? "play" : null,
    canBegin: !room.paused,
    run: you.run,
  };
}

/**
 * @param {RoomTopic} room
 * @param {YouTopic} you
 * @param {MineTopic | undefined} mine
 * @returns {Standing}
 */
function inClass(room, you, mine) {
  const title = "Your network in the class";
  const run = room.class_run;
  if (!run) {
    return { ...EMPTY, title, note: room.paused ? PAUSED : "The host has not begun the class’s training yet." };
  }
  if (you.lane === null) {
    const others = room.students.waiting > 1 ? ` ${formatCount(room.students.waiting)} students wait.` : "";
    const full = `All ${counted(run.places, "place")} in the class are taken.${others} You get the next one that is free.`;
    const made = stateNote(run.state, "The class’s run", "");
    const note = run.taken >= run.places ? full : made || "You are about to get a place.";
    return { ...EMPTY, title, note: room.paused ? PAUSED : note, run: run.id };
  }
  if (!mine) {
    return { ...EMPTY, title, note: "Waiting for the first numbers …" };
  }
  const hasRank = typeof mine.rank === "number" && typeof mine.of === "number";
  return {
    ...EMPTY,
    title,
    place: placeWords(mine.step, mine.state),
    note:
      (room.paused && PAUSED) ||
      goneNote(mine.gone) ||
      stateNote(mine.state, "The class’s run", "The host has paused the class.") ||
      "Move the slider: your network trains on with the new rate.",
    isWaiting: false,
    measure: "",
    figures: [
      { label: RIGHT, value: shareWords(mine.accuracy), more: `loss ${lossWords(mine.loss)}`, lane: 1 },
      {
        label: hasRank ? `Rank of ${formatCount(mine.of ?? 0)}, by loss` : "Rank by loss",
        value: hasRank ? ordinal(mine.rank ?? 0) : NONE,
        more: hasRank ? bestWords(mine) : "",
        lane: null,
      },
    ],
    later: laterWords(you.began),
    hasKnobs: true,
    canTurn: you.may_turn,
    canBegin: you.may_turn,
    run: run.id,
  };
}

/** @param {MineTopic} mine */
function bestWords({ best, rank }) {
  if (!best) {
    return "";
  }
  return rank === 1 ? "yours is the best" : `best: ${lossWords(best.loss)}, ${best.name}`;
}

/** @param {string | null} gone */
function goneNote(gone) {
  return gone ? `Your network ${gone}: its numbers are of no use any more. Begin it again with another rate.` : "";
}

/**
 * What it means that a place began later than the class.
 * @param {number} began The step.
 */
export function laterWords(began) {
  return began > 0
    ? `Your network began at step ${formatCount(began)}, with the weights that all networks of the class began with. ` +
        `It has had ${counted(began, "training step")} fewer than those that began at step 0.`
    : "";
}

/**
 * The curves of a page: `null` while there are none.
 * @param {Partial<RoomTopics>} topics
 * @returns {CurvePicture | null}
 */
export function curvesOf({ room, mine, followed }) {
  if (room?.way === "follow") {
    return followed
      ? {
          step: followed.curve.step,
          lines: followed.networks.map(({ name }, lane) => ({ name, lane, values: followed.curve.loss[lane] ?? [] })),
        }
      : null;
  }
  if (!room || !mine) {
    return null;
  }
  const { step, loss, train, without } = mine.curve;
  const isOwn = room.way === "own";
  return {
    step,
    lines: [
      ...(isOwn && without ? [{ name: "without dropout", lane: 0, values: without }] : []),
      { name: isOwn ? "with dropout" : "your network", lane: 1, values: loss },
      {
        name: isOwn ? "with dropout, on training examples" : "the same on training examples",
        lane: 1,
        values: train,
        dashed: true,
      },
    ],
  };
}
