// The code of a room: as it is read from an address or typed by hand, and the addresses that have it.

import { addressOf } from "../base/addresses.js";

const LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"; // none that is taken for another
/** How many a code has. */
export const LENGTH = 6;

/**
 * A code as the server writes it, of what somebody typed or pasted: a whole address will do.
 * @param {string} text
 */
export function codeIn(text) {
  const last =
    text
      .trim()
      .replace(/[?#].*$/s, "")
      .replace(/\/+$/, "")
      .split("/")
      .pop() ?? "";
  return last.replace(/[\s-]+/g, "").toUpperCase();
}

/**
 * What is wrong with a code, in words; empty: it may be one.
 * @param {string} code
 */
export function codeTrouble(code) {
  if (code === "") {
    return "Type the code that the projector shows.";
  }
  const strange = [...code].find((letter) => !LETTERS.includes(letter));
  if (strange !== undefined) {
    return `No code has the character “${strange}”.`;
  }
  return code.length === LENGTH ? "" : `A code has ${LENGTH} characters; this has ${code.length}.`;
}

/**
 * The code in the address of a page of a room: `…/r/CODE`, `…/rooms/CODE/host`, `…/rooms/CODE/projector`.
 * @param {string} pathname
 */
export function codeOfPage(pathname) {
  const [, code = ""] = pathname.match(/\/(?:r|rooms)\/([^/]+)(?:\/(?:host|projector))?\/?$/) ?? [];
  try {
    return codeIn(decodeURIComponent(code));
  } catch {
    return "";
  }
}

/** @param {string} code */
export const phonePage = (code) => addressOf(`r/${encodeURIComponent(code)}`);

/** @param {string} code */
export const hostPage = (code) => addressOf(`rooms/${encodeURIComponent(code)}/host`);

/** @param {string} code */
export const projectorPage = (code) => addressOf(`rooms/${encodeURIComponent(code)}/projector`);
