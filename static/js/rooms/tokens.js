// Who this browser is in a room: its tokens, and nothing else. Where nothing may be stored they last as long as the page.

import { ROOT } from "../base/addresses.js";

/** As what one is in a room. @typedef {"host" | "student"} Role */

const KEY = `dropout-lab-room:${ROOT}`; // of another lab at this host, below another path, they are other rooms

/**
 * @param {() => Storage} open `localStorage`: the very access may be refused.
 */
export function createRoomTokens(open) {
  /** @type {Map<string, string>} */
  const held = new Map();
  const keyOf = (/** @type {Role} */ role, /** @type {string} */ code) => `${KEY}:${role}:${code}`;

  /** @param {(storage: Storage) => string | null | void} use */
  function attempt(use) {
    try {
      return use(open()) ?? null;
    } catch {
      return null; // storage is closed to this page, or full
    }
  }

  return {
    /**
     * @param {Role} role
     * @param {string} code
     * @returns {string | null}
     */
    get(role, code) {
      const key = keyOf(role, code);
      return held.get(key) ?? attempt((storage) => storage.getItem(key));
    },
    /**
     * @param {Role} role
     * @param {string} code
     * @param {string} token
     */
    set(role, code, token) {
      const key = keyOf(role, code);
      held.set(key, token);
      attempt((storage) => storage.setItem(key, token));
    },
    /**
     * @param {Role} role
     * @param {string} code
     */
    forget(role, code) {
      const key = keyOf(role, code);
      held.delete(key);
      attempt((storage) => storage.removeItem(key));
    },
    /**
     * The codes of the rooms in which one is something.
     * @param {Role} role
     * @returns {string[]}
     */
    codes(role) {
      const start = keyOf(role, "");
      const found = new Set([...held.keys()].filter((key) => key.startsWith(start)));
      attempt((storage) => {
        for (const key of Object.keys(storage).filter((each) => each.startsWith(start))) {
          found.add(key);
        }
      });
      return [...found].map((key) => key.slice(start.length)).sort();
    },
    /** Whether tokens outlive the page, as a reload, or a phone that closes it, needs. */
    get works() {
      const probe = `${KEY}:probe`;
      return (
        attempt((storage) => {
          storage.setItem(probe, "1");
          storage.removeItem(probe);
          return "yes";
        }) !== null
      );
    },
  };
}
