// What the host's page says in words. Pure.

/** @import { RoomMember, RoomQuestion, RoomRunState, RoomTopic, RoomWay } from "../../types.js" */

import { formatCount, formatPlain } from "../../model/stats.js";

/** The ways of working, with what each means. @type {readonly { way: RoomWay, title: string, about: string }[]} */
export const WAYS = [
  { way: "follow", title: "Follow me", about: "All watch one run: yours." },
  { way: "own", title: "A run each", about: "Each student has a run, and turns its knobs." },
  { way: "class", title: "One run together", about: "One run trains a network for each student." },
];

/** The phases of a question, in their order. @type {readonly { phase: RoomQuestion["phase"], title: string }[]} */
export const PHASES = [
  { phase: "asked", title: "Phones answer" },
  { phase: "shown", title: "Answers shown" },
  { phase: "running", title: "The run plays" },
  { phase: "again", title: "Phones answer again" },
  { phase: "told", title: "What is true" },
];

/** Speeds to choose from, in steps a second. @type {readonly (number | null)[]} */
export const SPEEDS = [1, 5, 20, 100, null];

/** @param {number | null} speed */
export function speedWords(speed) {
  return speed === null
    ? "as fast as it goes"
    : speed === 1
      ? "1 step a second"
      : `${formatPlain(speed)} steps a second`;
}

/** @typedef {{ panel: string | null, title: string }} Look */
/** What can be large on the projector, or stand out there. @type {Record<RoomWay, readonly Look[]>} */
export const LOOKS = {
  follow: [
    { panel: null, title: "Nothing in particular" },
    { panel: "accuracy", title: "Accuracies" },
    { panel: "loss", title: "Loss" },
    { panel: "masks", title: "Mask" },
  ],
  own: [],
  class: [
    { panel: null, title: "All three charts" },
    { panel: "race", title: "The race, large" },
    { panel: "curve", title: "The curve, large" },
    { panel: "ensemble", title: "The ensemble, large" },
  ],
};

/**
 * What the button that goes on will do.
 * @param {RoomQuestion} question
 * @param {boolean} isReady Whether it is a ready-made question, to which the run knows the answer.
 */
export function nextWords({ phase }, isReady) {
  switch (phase) {
    case "asked":
      return "Show the answers";
    case "shown":
      return "Let the run play";
    case "running":
      return "Ask again what they saw";
    case "again":
      return isReady ? "Show the second answers and what is true" : "Show the second answers";
    default:
      return "Close the question";
  }
}

/**
 * Where the question stands.
 * @param {RoomQuestion} question
 */
export function phaseWords({ phase, answered, of }) {
  const some = `${formatCount(answered)} of ${formatCount(of)} have answered`;
  switch (phase) {
    case "asked":
      return `${some}. The run waits.`;
    case "shown":
      return "The projector shows how the answers are spread. The run still waits.";
    case "running":
      return "The run plays. Ask again when they have seen enough.";
    case "again":
      return `${some} again.`;
    default:
      return "The projector shows both votes, and what is true where the run can tell.";
  }
}

/**
 * Who is here and has not answered the vote that is open.
 * @param {readonly RoomMember[]} people
 * @param {RoomQuestion} question
 * @returns {string[]} Names; empty while nobody is asked.
 */
export function missingOf(people, { phase }) {
  return phase === "asked" || phase === "again"
    ? people.filter(({ here, answered }) => here && !answered).map(({ name }) => name)
    : [];
}

/**
 * The run that the way is about, or `null`.
 * @param {RoomTopic} room
 */
export function runOf({ way, run, class_run: classRun }) {
  return way === "class" ? classRun : way === "follow" ? run : null;
}

/** @param {RoomTopic} room */
export function runWords(room) {
  if (room.way === "own") {
    const { joined, waiting } = room.students;
    const many = joined === 1 ? "1 student has joined" : `${formatCount(joined)} students have joined`;
    return waiting > 0 ? `${many}; ${formatCount(waiting)} wait for a run.` : `${many}.`;
  }
  const run = runOf(room);
  if (!run) {
    return room.way === "class" ? "The class run has not begun." : "No run is open yet.";
  }
  return STATES[run.state](formatCount(run.step));
}

/** @type {Record<RoomRunState, (step: string) => string>} */
const STATES = {
  opening: () => "The run is being opened.",
  playing: (step) => `Training: step ${step}.`,
  paused: (step) => `Paused at step ${step}.`,
  lost: (step) => `Lost at step ${step}; it is being brought back.`,
  ended: (step) => `Ended at step ${step}.`,
};

/** @param {RoomTopic} room */
export function placesWords({ class_run: run, students: { waiting } }) {
  if (!run) {
    return "Left empty: a quarter more places than students, 8 at least.";
  }
  const taken = `${formatCount(run.taken)} of ${formatCount(run.places)} places are taken.`;
  return waiting > 0
    ? `${taken} ${formatCount(waiting)} students wait for one.`.replace(/\b1 students wait/, "1 student waits")
    : taken;
}

/** @param {RoomTopic["students"]} students */
export function studentsWords({ joined, here, simulated }) {
  const others = simulated > 0 ? `${formatCount(simulated)} simulated` : "";
  if (joined === 0) {
    return others ? `No real student has joined yet; there are ${others} ones.` : "Nobody has joined yet.";
  }
  const all = `${formatCount(here)} of ${formatCount(joined)} students are here`;
  return others ? `${all}, and ${others} ones.` : `${all}.`;
}

/** @param {number} simulated */
export function rehearsalWords(simulated) {
  const marked =
    "They are marked “simulated” in the list; on the projector their lines are dashed and their dots hollow.";
  if (simulated === 0) {
    return `Simulated students join, turn knobs and answer, so that you can try a lesson alone. ${marked}`;
  }
  return simulated === 1
    ? `1 simulated student is here. ${marked}`
    : `${formatCount(simulated)} simulated students are here. ${marked}`;
}
