// What the server answers about watches over HTTP.

import { addressOf } from "../base/addresses.js";
import { createCalls } from "../link/api.js";
import { watchPath } from "./link.js";

/** @param {typeof globalThis.fetch} fetch */
export function createWatchApi(fetch) {
  const { call } = createCalls(fetch);
  return {
    /**
     * Open a watch that was saved as a file.
     * @param {Blob} file
     * @returns {Promise<{ id: string, token: string, name: string }>}
     */
    open: (file) =>
      call("api/watches/file", { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } }),
    /**
     * Where the file of a watch is.
     * @param {string} id
     */
    file: (id) => addressOf(`${watchPath(id)}/file`),
  };
}
