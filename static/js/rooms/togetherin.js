// Whether a page of the whole lab was opened from a class room, and from which.

import { createStorage } from "../base/storage.js";

const KEY = "dropout-lab-together"; // the room of this tab, and the run that it was opened for

/** @typedef {{ room: string, run: string }} Together */

/**
 * The room that a page was opened from: in its address or, after a reload, in its tab.
 * @param {Window & typeof globalThis} window
 * @returns {Together | null}
 */
export function togetherIn(window) {
  const storage = createStorage(() => window.sessionStorage);
  const address = new URLSearchParams(window.location.search);
  const [room, run] = [address.get("room"), address.get("run")];
  if (room && run) {
    storage.set(KEY, `${room} ${run}`);
    return { room, run };
  }
  const [kept, of] = (storage.get(KEY) ?? "").split(" ");
  return kept && of === run ? { room: kept, run: of } : null;
}
