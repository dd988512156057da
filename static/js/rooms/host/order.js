// In which order people are listed. Pure.

/** @import { RoomMember } from "../../types.js" */

/** @typedef {"name" | "hidden" | "loss" | "here"} SortKey */

/** What people can be sorted by, one way round and the other. @type {Record<SortKey, readonly [string, string]>} */
export const SORTS = {
  name: ["Name, A to Z", "Name, Z to A"],
  hidden: ["Dropout rate, lowest first", "Dropout rate, highest first"],
  loss: ["Validation loss, lowest first", "Validation loss, highest first"],
  here: ["Here first", "Away first"],
};

const names = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/**
 * People in an order. Those of whom a number is not known come last, whichever way round; among equals it goes by name.
 * @param {readonly RoomMember[]} people
 * @param {SortKey} key
 * @param {boolean} isFalling
 * @returns {RoomMember[]}
 */
export function ordered(people, key, isFalling) {
  const turn = isFalling ? -1 : 1;
  return [...people].sort((one, other) => compared(one, other, key, turn) || names.compare(one.name, other.name));
}

/**
 * @param {RoomMember} one
 * @param {RoomMember} other
 * @param {SortKey} key
 * @param {number} turn
 */
function compared(one, other, key, turn) {
  if (key === "name") {
    return turn * names.compare(one.name, other.name);
  }
  if (key === "here") {
    return turn * (Number(other.here) - Number(one.here));
  }
  const [first, second] = [one[key], other[key]];
  return first === null || second === null ? Number(first === null) - Number(second === null) : turn * (first - second);
}
