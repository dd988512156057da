// What the projector says in words. Pure.

/** @import { RoomLinkState, RoomTopic } from "../../types.js" */

import { formatCount, formatPlain } from "../../model/stats.js";

/**
 * What the page shows.
 * @typedef {"connecting" | "nothing" | "lobby" | "question" | "follow" | "own" | "shown" | "class"} Scene
 */

/**
 * @param {RoomTopic | undefined} room
 * @param {RoomLinkState["status"]} status
 * @returns {Scene}
 */
export function sceneOf(room, status) {
  if (status === "ended" || (status === "refused" && !room)) {
    return "nothing";
  }
  if (!room) {
    return "connecting";
  }
  if (room.question && room.question.phase !== "running") {
    return "question";
  }
  if (room.way === "class") {
    return room.class_run ? "class" : "lobby";
  }
  if (room.way === "follow") {
    return room.run ? "follow" : "lobby";
  }
  return room.shown ? "shown" : room.students.joined > 0 ? "own" : "lobby";
}

/**
 * A code in two halves, as it is easier to read aloud and to type.
 * @param {string} code
 */
export function halves(code) {
  return code.length === 6 ? [code.slice(0, 3), code.slice(3)] : [code];
}

/**
 * The link without what nobody has to type.
 * @param {string} link
 */
export function linkWords(link) {
  return link.replace(/^https?:\/\//, "");
}

/** @param {RoomTopic["students"]} students */
export function hereWords({ here, joined, simulated }) {
  if (joined === 0) {
    return "Nobody has joined yet.";
  }
  const some = here === joined ? `${formatCount(here)} here` : `${formatCount(here)} of ${formatCount(joined)} here`;
  return simulated > 0 ? `${some}, ${formatCount(simulated)} simulated` : some;
}

/**
 * The heading of what is shown.
 * @param {Scene} scene
 * @param {RoomTopic | undefined} room
 */
export function titleOf(scene, room) {
  switch (scene) {
    case "class":
      return "One run, a network for each student";
    case "shown":
      return `The run of ${room?.shown?.name ?? "a student"}`;
    case "own":
      return room?.experiment?.title ?? "Everybody has a run of their own";
    case "follow":
      return room?.experiment?.title ?? "The run of the host";
    case "question":
      return room?.question?.phase === "again" ? "What did you see?" : "A question";
    default:
      return "";
  }
}

/**
 * How things stand, in one line.
 * @param {RoomTopic | undefined} room
 * @param {RoomLinkState} link
 * @param {{ state: string, step: number } | null} [shown] The run of a student that is shown.
 */
export function statusWords(room, { status, message }, shown = null) {
  if (status === "ended") {
    return "The room has ended.";
  }
  if (status === "refused") {
    return message || "The server refused this page.";
  }
  if (status !== "open") {
    return room ? "Connection lost. This is the last picture. Reconnecting …" : "Connecting …";
  }
  if (!room) {
    return "Connecting …";
  }
  const asked = room.question?.phase === "running" ? `Now watch: ${room.question.text}` : "";
  const holder = room.way === "follow" && room.knobs_of ? `${room.knobs_of.name} turns the knobs.` : "";
  return [asked, room.paused ? "The room is paused." : "", runWords(room, shown), holder].filter(Boolean).join(" ");
}

/**
 * @param {RoomTopic} room
 * @param {{ state: string, step: number } | null} shown
 */
function runWords({ way, run, class_run: classRun, shown: who }, shown) {
  if (way === "own") {
    return shown && who ? stateWords(`The run of ${who.name}`, shown.state, shown.step) : "";
  }
  const now = way === "class" ? classRun : run;
  if (!now) {
    return "No run has begun yet.";
  }
  const speed = now.state === "playing" && now.speed !== null ? ` It makes ${speedWords(now.speed)}.` : "";
  return stateWords("The run", now.state, now.step) + speed;
}

/** @param {number} speed */
function speedWords(speed) {
  return speed === 1 ? "1 step a second" : `${formatPlain(speed)} steps a second`;
}

/**
 * @param {string} subject
 * @param {string} state
 * @param {number} step
 */
function stateWords(subject, state, step) {
  const at = formatCount(step);
  switch (state) {
    case "opening":
      return `${subject} is being opened.`;
    case "playing":
      return `${subject} is training: step ${at}.`;
    case "paused":
      return `${subject} is paused at step ${at}.`;
    case "lost":
      return `${subject} was lost at step ${at} and is being brought back.`;
    default:
      return `${subject} has ended at step ${at}.`;
  }
}
