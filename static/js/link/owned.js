// The runs that this browser has opened, each with its owner's token: newest first, and not for ever more of them.

import { ROOT } from "../base/addresses.js";

/** @typedef {{ id: string, token: string }} Owned */

const KEY = `dropout-lab-runs:${ROOT}`; // of another lab at this host, below another path, it is another list
export const MOST = 100;

/** The part of an address, behind `?run=ID`, that opens a run as its owner: a link that is passed on has no rights. */
export const OWN = "#mine";

/**
 * @param {() => Storage} open `localStorage`: the very access may be refused, and then nothing is remembered.
 */
export function createOwned(open) {
  /** @returns {Owned[]} */
  function all() {
    try {
      const found = JSON.parse(open().getItem(KEY) ?? "[]");
      return Array.isArray(found) ? found.filter(isOwned).slice(0, MOST) : [];
    } catch {
      return []; // storage is closed to this page, or somebody else wrote it
    }
  }

  /** @param {Owned[]} runs */
  function keep(runs) {
    try {
      open().setItem(KEY, JSON.stringify(runs.slice(0, MOST)));
    } catch {
      // The page of one's runs says it.
    }
  }

  return {
    all,
    /** Whether anything can be remembered here: not in a frame, or a browser, that allows no storage. */
    get works() {
      try {
        const probe = `${KEY}:probe`;
        open().setItem(probe, "1");
        open().removeItem(probe);
        return true;
      } catch {
        return false;
      }
    },
    /**
     * @param {string} id
     * @param {string} token
     */
    add(id, token) {
      const known = all();
      if (known[0]?.id !== id || known[0].token !== token) {
        keep([{ id, token }, ...known.filter((run) => run.id !== id)]);
      }
    },
    /** @param {readonly string[]} ids */
    forget(ids) {
      const known = all();
      const left = known.filter(({ id }) => !ids.includes(id));
      if (left.length < known.length) {
        keep(left);
      }
    },
    /** @param {string} id */
    tokenOf: (id) => all().find((run) => run.id === id)?.token ?? null,
  };
}

/** @param {*} value */
function isOwned(value) {
  return typeof value?.id === "string" && typeof value.token === "string";
}
