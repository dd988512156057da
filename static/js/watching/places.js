// Where a watch is: its id in addresses, and the token that came in one.

import { addressOf } from "../base/addresses.js";

const ID = /^[\w-]{22}$/;

/**
 * The id in the address of a page: `…/watch/ID`.
 * @param {string} pathname
 */
export function idOfPage(pathname) {
  const last = pathname.replace(/\/+$/, "").split("/").pop() ?? "";
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

/**
 * The id in what somebody typed or pasted: an address, or the id itself.
 * @param {string} text
 * @returns {string | null} `null`: it is none.
 */
export function idIn(text) {
  const path = text.trim().replace(/[?#].*$/s, "");
  const id = idOfPage(path);
  return ID.test(id) ? id : null;
}

/** @param {string} id */
export const watchPage = (id) => addressOf(`watch/${encodeURIComponent(id)}`);
