// Which watched models this browser has looked at last: their ids and names, and no tokens.

import { ROOT } from "../base/addresses.js";
import { createStorage } from "../base/storage.js";

const KEY = `dropout-lab-watched:${ROOT}`;
const MOST = 12;

/** @typedef {{ id: string, name: string, at: number }} Recent `at`: ms since 1970. */

/** @param {() => Storage} open `localStorage`; the very access may be refused. */
export function createRecent(open) {
  const storage = createStorage(open);

  /** @returns {Recent[]} */
  function list() {
    try {
      const told = JSON.parse(storage.get(KEY) ?? "[]");
      return Array.isArray(told)
        ? told.filter(
            (each) => typeof each?.id === "string" && typeof each.name === "string" && Number.isFinite(each.at),
          )
        : [];
    } catch {
      return [];
    }
  }

  return {
    list,
    /** @param {Recent} one */
    add(one) {
      const others = list().filter(({ id }) => id !== one.id);
      storage.set(KEY, JSON.stringify([one, ...others].slice(0, MOST)));
    },
  };
}
