// A link to a run, or to a room, that is a WebSocket: the only module that knows one.

/** @import { Link, LinkEvents } from "../types.js" */

const LOST = 1006; // the close code of a connection that broke off, or never was

/**
 * @param {Window & typeof globalThis} window
 * @param {string} path Of the run, or of the room.
 * @param {string | null} token The owner's, or that of who is in the room.
 * @param {LinkEvents} events
 * @param {Record<string, *>} [beside] What else is said first: of a room, for whose page the topics are.
 * @returns {Link}
 */
export function openSocketLink(window, path, token, events, beside = {}) {
  const url = new URL(`${path}/live`, window.location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const socket = opened(window, url.href);
  if (!socket) {
    window.setTimeout(() => events.onClosed({ code: LOST, message: "" }));
    return { send() {}, close() {} };
  }
  const say = (/** @type {object} */ message) => socket.send(JSON.stringify(message));
  socket.binaryType = "arraybuffer";
  // The token is in the first message and not in the address, which proxies write into their logs.
  const join = { op: "join", ...(token === null ? {} : { token }), ...beside };
  socket.addEventListener("open", () => say(join));
  socket.addEventListener("message", ({ data }) =>
    typeof data === "string" ? events.onMessage(JSON.parse(data)) : events.onFrame(data),
  );
  socket.addEventListener("close", ({ code }) => events.onClosed({ code, message: "" }));
  return {
    send: say,
    close: () => socket.close(),
  };
}

/**
 * @param {Window & typeof globalThis} window
 * @param {string} url
 * @returns {WebSocket | null} `null`: the browser refuses.
 */
function opened(window, url) {
  try {
    return new window.WebSocket(url);
  } catch {
    return null;
  }
}
