// What the server answers about rooms over HTTP.

/** @import { RoomAbout } from "../types.js" */

import { addressOf, ROOT } from "../base/addresses.js";
import { createCalls } from "../link/api.js";

const JSON_TYPE = { "Content-Type": "application/json" };

/**
 * The path of a room's own addresses, from the lab on.
 * @param {string} code
 */
export const roomPath = (code) => `api/rooms/${encodeURIComponent(code)}`;

/**
 * @param {typeof globalThis.fetch} fetch
 */
export function createRoomApi(fetch) {
  const { ask, call } = createCalls(fetch);
  const own = (/** @type {string} */ token) => ({ ...JSON_TYPE, Authorization: `Bearer ${token}` });

  return {
    /**
     * Open a room.
     * @returns {Promise<{ code: string, token: string }>}
     */
    open: () => call("api/rooms", { method: "POST", body: JSON.stringify({ at: ROOT }) }),
    /**
     * Whether one can join.
     * @param {string} code
     * @returns {Promise<RoomAbout>}
     */
    about: (code) => call(roomPath(code)),
    /**
     * @param {string} code
     * @param {string} name
     * @returns {Promise<{ id: string, token: string, name: string }>}
     */
    join: (code, name) => call(`${roomPath(code)}/students`, { method: "POST", body: JSON.stringify({ name }) }),
    /**
     * Tell the host of a room what a lesson came to.
     * @param {string} code
     * @param {string} token The student's.
     * @param {number} lesson
     * @param {number} right
     */
    tellLesson: (code, token, lesson, right) =>
      ask(`${roomPath(code)}/lessons`, {
        method: "POST",
        headers: own(token),
        body: JSON.stringify({ lesson, right }),
      }),
    /**
     * Where the QR code of the student's address is, for an image.
     * @param {string} code
     */
    codePicture: (code) => addressOf(`${roomPath(code)}/code.svg`),
    /**
     * A QR code of another address of this lab, as SVG.
     * @param {string} code
     * @param {string} token The host's.
     * @param {string} text
     */
    pictureOf: (code, token, text) =>
      ask(`${roomPath(code)}/code.svg`, { method: "POST", headers: own(token), body: JSON.stringify({ text }) }).then(
        (answer) => answer.text(),
      ),
    /**
     * Questions, answers and places as CSV.
     * @param {string} code
     * @param {string} token The host's.
     * @param {boolean} names Whether it says who answered.
     */
    results: (code, token, names) =>
      ask(`${roomPath(code)}/results.csv${names ? "?names=true" : ""}`, { headers: own(token) }).then((answer) =>
        answer.blob(),
      ),
    /**
     * End a room for good.
     * @param {string} code
     * @param {string} token The host's.
     */
    end: (code, token) => ask(roomPath(code), { method: "DELETE", headers: own(token) }),
  };
}
