// What is said of the connection to the server.

/** @import { Connection } from "../types.js" */

import { formatCount } from "../model/stats.js";
import { capital } from "./common.js";

/**
 * What the toolbar calls a connection or, of a reader who looks back, the step that is viewed.
 * @param {Connection} connection
 * @param {number | null} [cursor]
 */
export function connectionWord({ status, by }, cursor = null) {
  if (status === "live" && cursor !== null) {
    return `viewing step ${formatCount(cursor)}`;
  }
  return status === "live" && by === "http" ? "live, by plain HTTP" : status;
}

/**
 * A run that is watched without a WebSocket.
 * @param {string} host
 */
export const byHttpWords = (host) =>
  `This network blocks WebSockets, so this page is live by plain HTTP: all of it works, a little slower. Ask whoever runs the network, or the proxy in front of ${host}, to let WebSockets through (in nginx: forward Upgrade and Connection).`;

/**
 * A run that cannot be watched, although the server answers.
 * @param {string} host
 */
export const blockedWords = (host) =>
  `Pages of ${host} arrive here, and live connections do not: no WebSocket gets through, and no stream of server-sent events either. Ask whoever runs the network, its virus scanner or the proxy in front of ${host} to let WebSockets through, or to pass answers of the type text/event-stream on as they come. This page keeps trying.`;

/**
 * The server's words, which begin small and have no stop, as a sentence.
 * @param {string} text
 */
export function asSentence(text) {
  const whole = capital(text);
  return whole === "" || whole.endsWith(".") ? whole : `${whole}.`;
}
