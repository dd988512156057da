// The live connection: the only module that knows the socket.

/** @import { Answer, Connection, Frame, Run } from "./types.js" */

import { ApiError, apiError } from "./api.js";
import { decode } from "./frames.js";

const FIRST_RETRY = 500; // ms; doubles up to
const LAST_RETRY = 10_000;

/** @type {Record<number, string>} Close codes after which another attempt would be answered the same. */
const FINAL = {
  4403: "This link's token is not that of the run.",
  4404: "This run does not exist any more.",
  4410: "This run was ended.",
  4429: "This run has as many viewers as it may have. Try again later.",
};

/**
 * What the connection tells.
 * @typedef {object} LiveEvents
 * @property {(connection: Connection) => void} onConnection
 * @property {(message: { op: string, role?: "owner" | "viewer", reason?: string, message?: string, run?: Run }) => void} onMessage
 *   `hello`, `changed` and `ended`.
 * @property {(frame: Frame) => void} onFrame The frame is acknowledged when this returns.
 * @property {(code: number, message: string) => void} onFinal The socket closed, and trying again would not help.
 * @property {(text: string) => void} onTrouble Something came that cannot be read.
 */

/**
 * @param {Window} window
 * @param {LiveEvents} events
 */
export function createLive(window, events) {
  const live = {
    socket: /** @type {WebSocket | null} */ (null),
    url: "",
    retries: 0,
    timer: /** @type {number | undefined} */ (undefined),
    nextId: 1,
    said: "", // the reason that `ended` or `error` gave before the socket closed
  };
  /** @type {Map<number, { resolve: (ack: { step?: number, answer?: Answer }) => void, reject: (error: ApiError) => void }>} */
  const pending = new Map();

  function connect() {
    window.clearTimeout(live.timer);
    live.timer = undefined;
    live.said = "";
    const socket = new WebSocket(live.url);
    socket.binaryType = "arraybuffer";
    live.socket = socket;
    const current = (/** @type {(event: *) => void} */ handle) => (/** @type {*} */ event) => {
      if (socket === live.socket) {
        handle(event);
      }
    };
    socket.addEventListener("message", current(receive));
    socket.addEventListener("close", current(closed));
  }

  /** @param {MessageEvent} event */
  function receive({ data }) {
    if (typeof data === "string") {
      text(JSON.parse(data));
      return;
    }
    try {
      const frame = decode(data);
      events.onFrame(frame);
      live.socket?.send(JSON.stringify({ op: "credit", seq: frame.seq }));
    } catch (error) {
      events.onTrouble(`A frame could not be read: ${/** @type {Error} */ (error).message}`);
    }
  }

  /** @param {*} message */
  function text(message) {
    if (message.op === "ack" || message.op === "error") {
      const asked = pending.get(message.id);
      pending.delete(message.id);
      if (message.op === "ack") {
        asked?.resolve(message);
      } else if (asked) {
        asked.reject(apiError(message.error));
      } else {
        live.said = message.error?.message ?? "";
      }
      return;
    }
    if (message.op === "hello") {
      live.retries = 0;
      events.onConnection({ status: "live", message: "", retryInMs: null });
    } else if (message.op === "ended") {
      live.said = message.message ?? "";
    }
    events.onMessage(message);
  }

  /** @param {CloseEvent} event */
  function closed({ code }) {
    live.socket = null;
    for (const { reject } of pending.values()) {
      reject(new ApiError("disconnected", "the connection was lost before the server answered"));
    }
    pending.clear();
    if (code in FINAL) {
      events.onFinal(code, live.said || FINAL[code]);
      return;
    }
    const wait = Math.min(FIRST_RETRY * 2 ** live.retries, LAST_RETRY);
    live.retries += 1;
    events.onConnection({ status: "reconnecting", message: live.said, retryInMs: wait });
    live.timer = window.setTimeout(connect, wait);
  }

  function retryNow() {
    if (!live.socket && live.timer !== undefined && window.document.visibilityState === "visible") {
      live.retries = 0;
      connect();
    }
  }
  window.addEventListener("online", retryNow);
  window.document.addEventListener("visibilitychange", retryNow);

  function detach() {
    window.clearTimeout(live.timer);
    live.timer = undefined;
    const { socket } = live;
    live.socket = null;
    socket?.close();
    for (const { reject } of pending.values()) {
      reject(new ApiError("disconnected", "another run was opened before the server answered"));
    }
    pending.clear();
  }

  /**
   * @param {Record<string, *>} command
   * @returns {Promise<{ step?: number, answer?: Answer }>} What it was acknowledged with.
   */
  function exchange(command) {
    const { socket } = live;
    if (socket?.readyState !== WebSocket.OPEN) {
      return Promise.reject(new ApiError("disconnected", "there is no connection to the server right now"));
    }
    return new Promise((resolve, reject) => {
      const id = live.nextId;
      live.nextId += 1;
      pending.set(id, { resolve, reject });
      socket.send(JSON.stringify({ ...command, id }));
    });
  }

  return {
    /**
     * Connect to a run, and stay connected. With its token one owns it.
     * @param {string} id
     * @param {string | null} token
     */
    attach(id, token) {
      detach();
      const url = new URL(`/api/runs/${encodeURIComponent(id)}/live`, window.location.href);
      url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
      if (token) {
        url.searchParams.set("token", token);
      }
      live.url = url.href;
      live.retries = 0;
      events.onConnection({ status: "connecting", message: "", retryInMs: null });
      connect();
    },
    detach,
    /**
     * Send a command.
     * @param {Record<string, *>} command
     * @returns {Promise<number | null>} The step from which it is in force.
     */
    send: (command) => exchange(command).then(({ step }) => step ?? null),
    /**
     * Ask something that has an answer.
     * @param {Record<string, *>} command
     * @returns {Promise<Answer>}
     */
    ask: (command) => exchange(command).then(({ answer }) => /** @type {Answer} */ (answer)),
  };
}
