// The live connection: kept up over a WebSocket or, where a network lets none through, by plain HTTP.

/** @import { Answer, Change, Connection, Frame, Link, Run } from "../types.js" */

import { addressOf } from "../base/addresses.js";
import { blockedWords, byHttpWords } from "../words/connection.js";
import { ApiError, apiError } from "./api.js";
import { openEventLink } from "./eventlink.js";
import { decode } from "./frames.js";
import { openSocketLink } from "./socketlink.js";

const FIRST_RETRY = 500; // ms; doubles up to
const LAST_RETRY = 10_000;
const GREETED_WITHIN = 10_000; // ms; a connection over which nothing comes is none
const SILENCE = 5000; // ms until the reader is told that nothing came yet
const TRIES = 3; // WebSockets in a row that were not greeted, before plain HTTP is tried
const SILENT = "The run is there, and its live connection has not answered yet; this page waits for it.";

const LOST = 1006; // the close code of a connection that broke off, or never was

/** @type {Record<number, string>} Close codes after which another attempt would be answered the same. */
const FINAL = {
  4400: "This page and the server do not speak the same language. Reload the page.",
  4403: "This link's token is not that of the run.",
  4404: "This run does not exist any more.",
  4410: "This run was ended.",
  4429: "This run has as many viewers as it may have. Try again later.",
};

/**
 * What the connection tells.
 * @typedef {object} LiveEvents
 * @property {(connection: Connection) => void} onConnection
 * @property {(message: { op: string, role?: "owner" | "viewer", reason?: string, message?: string, run?: Run, changes?: Change[] }) => void} onMessage
 *   `hello`, `changed` and `ended`.
 * @property {(frame: Frame) => void} onFrame The frame is acknowledged when this returns.
 * @property {(code: number, message: string) => void} onFinal The socket closed, and trying again would not help.
 * @property {(text: string) => void} onTrouble Something came that cannot be read.
 */

/**
 * @param {Window & typeof globalThis} window
 * @param {LiveEvents} events
 */
export function createLive(window, events) {
  const live = {
    link: /** @type {Link | null} */ (null),
    by: /** @type {"websocket" | "http"} */ ("websocket"),
    path: "",
    token: /** @type {string | null} */ (null),
    isGreeted: false,
    misses: 0, // WebSockets in a row that were not greeted
    isThere: false, // whether the server answered before the last of them
    looking: /** @type {object | null} */ (null), // for the server, while it is asked whether it is there
    retries: 0,
    timer: /** @type {number | undefined} */ (undefined), // until the next attempt
    silence: /** @type {number | undefined} */ (undefined), // until it is said that nothing came yet
    patience: /** @type {number | undefined} */ (undefined), // with one that was not greeted yet
    came: 0, // frames over this link
    nextId: 1,
    said: "", // the reason that `ended` or `error` gave before the connection closed
  };
  /** @type {Map<number, { resolve: (ack: { step?: number, answer?: Answer }) => void, reject: (error: ApiError) => void }>} */
  const pending = new Map();

  function connect() {
    window.clearTimeout(live.timer);
    live.timer = undefined;
    live.looking = null;
    Object.assign(live, { said: "", isGreeted: false, came: 0, by: live.misses < TRIES ? "websocket" : "http" });
    const current = (/** @type {(what: *) => void} */ handle) => (/** @type {*} */ what) => {
      if (link === live.link) {
        handle(what);
      }
    };
    const open = live.by === "websocket" ? openSocketLink : openEventLink;
    const link = open(window, live.path, live.token, {
      onMessage: current(text),
      onFrame: current(frame),
      onClosed: current(closed),
    });
    live.link = link;
    live.silence = window.setTimeout(
      current(() => events.onConnection({ status: "connecting", message: SILENT, retryInMs: null })),
      SILENCE,
    );
    live.patience = window.setTimeout(
      current(() => {
        Object.assign(live, { misses: TRIES - 1, isThere: true }); // it was waited for long enough to be sure
        link.close();
        closed({ code: LOST, message: "" });
      }),
      GREETED_WITHIN,
    );
  }

  /** @param {ArrayBuffer} bytes */
  function frame(bytes) {
    const frame = read(bytes);
    live.came += 1;
    if (frame) {
      try {
        events.onFrame(frame);
      } catch (error) {
        reportError(error);
      }
    }
    // All are acknowledged, whatever became of them: four that are not would end the stream.
    live.link?.send({ op: "credit", ...(frame ? { seq: frame.seq } : { frames: live.came }) });
  }

  /** @param {ArrayBuffer} bytes */
  function read(bytes) {
    try {
      return decode(bytes);
    } catch (error) {
      events.onTrouble(`A frame could not be read: ${/** @type {Error} */ (error).message}`);
      return null;
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
      window.clearTimeout(live.silence);
      window.clearTimeout(live.patience);
      Object.assign(live, { isGreeted: true, isThere: false, retries: 0 });
      const message = live.by === "http" ? byHttpWords(window.location.host) : "";
      events.onConnection({ status: "live", message, retryInMs: null, by: live.by });
    } else if (message.op === "ended") {
      live.said = message.message ?? "";
    }
    events.onMessage(message);
  }

  /** @param {{ code: number, message: string }} end */
  function closed({ code, message }) {
    drop("the connection was lost before the server answered");
    live.said ||= message;
    if (code in FINAL) {
      events.onFinal(code, live.said || FINAL[code]);
      return;
    }
    if (live.isGreeted) {
      live.misses = live.by === "http" ? TRIES - 1 : 0; // what was blocked is tried once more, then let be again
    } else if (live.by === "websocket") {
      live.misses += 1;
    } else {
      live.misses = TRIES - 1;
    }
    if (live.misses >= TRIES) {
      void lookForServer();
      return;
    }
    retry();
    if (live.by === "http" && !live.isGreeted) {
      void lookForPages();
    }
  }

  /**
   * WebSockets fail. A server that is away, as while it is started again, blocks nothing: plain HTTP is tried only when
   * one failed to a server that answers.
   */
  async function lookForServer() {
    const looking = {};
    live.looking = looking;
    tellRetry(live.said, 0);
    const signal = window.AbortSignal.timeout(SILENCE);
    const answer = await window.fetch(live.path, { cache: "no-store", signal }).catch(() => null);
    if (live.looking !== looking) {
      return; // something else has happened meanwhile
    }
    const isThere = answer !== null && answer.status < 500;
    if (isThere && !live.isThere) {
      Object.assign(live, { isThere, misses: TRIES - 1 });
      connect();
      return;
    }
    Object.assign(live, { isThere, misses: isThere ? TRIES : TRIES - 1 });
    retry();
  }

  /** Try again: at once by plain HTTP where WebSockets were tried, else after a while. */
  function retry() {
    const isNext = !live.isGreeted && live.misses >= TRIES;
    const wait = isNext ? 0 : Math.min(FIRST_RETRY * 2 ** live.retries, LAST_RETRY);
    live.retries += isNext ? 0 : 1;
    tellRetry(live.said, wait);
    live.timer = window.setTimeout(connect, wait);
  }

  /**
   * @param {string} message
   * @param {number} wait
   */
  function tellRetry(message, wait) {
    events.onConnection({ status: "reconnecting", message, retryInMs: wait || null });
  }

  /** Neither way led to the run: find out whether the server is away, the run gone, or only what is live held back. */
  async function lookForPages() {
    const { timer, path, said } = live;
    const due = window.performance.now() + Math.min(FIRST_RETRY * 2 ** (live.retries - 1), LAST_RETRY);
    const answer = await window.fetch(path, { cache: "no-store" }).catch(() => null);
    const body = (await answer?.json().catch(() => null)) ?? {};
    if (timer !== live.timer || live.link) {
      return; // something else has happened meanwhile
    }
    if (body.error?.code === "not_found") {
      window.clearTimeout(timer);
      live.timer = undefined;
      events.onFinal(4404, body.error.message);
    } else if (answer?.ok && body.id && !said) {
      tellRetry(blockedWords(window.location.host), Math.max(0, due - window.performance.now()));
    }
  }

  function retryNow() {
    if (!live.link && live.timer !== undefined && window.document.visibilityState === "visible") {
      live.retries = 0;
      connect();
    }
  }
  window.addEventListener("online", retryNow);
  window.document.addEventListener("visibilitychange", retryNow);

  /**
   * Leave the link, and answer what it was asked.
   * @param {string} why
   */
  function drop(why) {
    const { link } = live;
    live.link = null;
    window.clearTimeout(live.silence);
    window.clearTimeout(live.patience);
    link?.close();
    for (const { reject } of pending.values()) {
      reject(new ApiError("disconnected", why));
    }
    pending.clear();
  }

  function detach() {
    window.clearTimeout(live.timer);
    live.timer = undefined;
    live.looking = null;
    drop("another run was opened before the server answered");
  }

  /**
   * @param {Record<string, *>} command
   * @returns {Promise<{ step?: number, answer?: Answer }>} What it was acknowledged with.
   */
  function exchange(command) {
    const { link } = live;
    if (!link || !live.isGreeted) {
      return Promise.reject(new ApiError("disconnected", "there is no connection to the server right now"));
    }
    return new Promise((resolve, reject) => {
      const id = live.nextId;
      live.nextId += 1;
      pending.set(id, { resolve, reject });
      link.send({ ...command, id });
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
      Object.assign(live, {
        path: addressOf(`api/runs/${encodeURIComponent(id)}`),
        token,
        misses: 0,
        isThere: false,
        retries: 0,
      });
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
