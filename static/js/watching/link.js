// The live connection to a watched model: it greets, hears frames and messages, says commands, and comes back by itself.

/** @import { Frame, Link, LinkEvents, WatchLinkState } from "../types.js" */

import { addressOf } from "../base/addresses.js";
import { ApiError, apiError } from "../link/api.js";
import { decode } from "../link/frames.js";
import { openSocketLink } from "../link/socketlink.js";
import { retryAfter } from "../rooms/link.js";
import { blockedWords } from "../rooms/words.js";

const GREETED_WITHIN = 8000; // ms; a connection over which nothing comes is none
const QUIET = 5000; // ms without a word, after which the server is asked whether it is there,
const BEAT = 2000; // looked at so often,
const ANSWERED_WITHIN = 4000; // and how long it has for an answer
const STEADY = 5000; // ms that a connection must have lasted before the next attempt comes soon again
const TRIES = 3; // connections in a row that were never greeted, before it is asked what stands between
const UNSEEN = 300; // ms after which what was drawn counts as seen where nothing is painted, as on a hidden page
const PING = "ping"; // asks for an answer, whichever: a refusal of it will do as well
const LOST = 1006; // the close code of a connection that broke off, or never was
const BUSY = 4429;
const STRANGER = 4403; // the token is not the watch's

/** Close codes after which another attempt would be answered the same, and what they mean. @type {Record<number, string>} */
const FINAL = {
  4400: "This page and the server do not speak the same language. Reload the page.",
};

/**
 * The path of a watch's own addresses, from the lab on.
 * @param {string} id
 */
export const watchPath = (id) => `api/watches/${encodeURIComponent(id)}`;

/**
 * Connect to a watch, and stay connected.
 * @param {object} options
 * @param {Window & typeof globalThis} options.window
 * @param {string} options.id
 * @param {string | null} [options.token] Without one, one looks on.
 * @param {(message: *) => void} options.onMessage Hears `hello` and whatever follows but answers.
 * @param {(frame: Frame, isFirst: boolean) => void} options.onFrame Hears frames; the first of a kind in a connection has what was before.
 * @param {() => void} [options.onStranger] Hears that the token is not that of the watch: it is left away from then on.
 * @param {(state: WatchLinkState) => void} [options.onState] Hears every change of the state, and the first.
 * @param {(window: Window & typeof globalThis, path: string, token: string | null, events: LinkEvents) => Link} [options.open]
 *   What a link is made of.
 * @param {() => number} [options.random]
 */
export function createWatchLink({
  window,
  id,
  token = null,
  onMessage,
  onFrame,
  onStranger = () => {},
  onState = () => {},
  open = openSocketLink,
  random = Math.random,
}) {
  const { document } = window;
  const path = addressOf(watchPath(id));
  /** @type {Map<number, { resolve: (answer: *) => void, reject: (error: ApiError) => void }>} */
  const pending = new Map();
  const link = {
    now: /** @type {Link | null} */ (null),
    token,
    state: /** @type {WatchLinkState} */ ({ status: "connecting", message: "", code: null }),
    retries: 0,
    misses: 0, // connections in a row that were never greeted
    openedAt: 0,
    heardAt: 0,
    nextId: 1,
    said: "", // the reason that the server gave before the connection closed
    kinds: new Set(), // of frames that came over this connection
    seq: 0, // of the newest of them
    drawn: 0, // of the newest that the server was told of
    isPainting: false,
    timer: /** @type {number | undefined} */ (undefined), // until the next attempt
    patience: /** @type {number | undefined} */ (undefined), // with one that was not greeted, or asked whether it lives
    beat: /** @type {number | undefined} */ (undefined),
  };

  /**
   * @param {WatchLinkState["status"]} status
   * @param {string} [message]
   * @param {number | null} [code]
   */
  function tell(status, message = "", code = null) {
    link.state = { status, message, code };
    onState(link.state);
  }

  function connect() {
    window.clearTimeout(link.timer);
    Object.assign(link, { timer: undefined, said: "", seq: 0, drawn: 0, kinds: new Set() });
    const current = (/** @type {(what: *) => void} */ handle) => (/** @type {*} */ what) => {
      if (made === link.now) {
        handle(what);
      }
    };
    const made = open(window, path, link.token, {
      onMessage: current(receive),
      onFrame: current(take),
      onClosed: current(closed),
    });
    link.now = made;
    expect(GREETED_WITHIN);
  }

  /**
   * Give the connection up unless something comes in time.
   * @param {number} within ms
   */
  function expect(within) {
    window.clearTimeout(link.patience);
    link.patience = window.setTimeout(() => closed({ code: LOST, message: "" }), within);
  }

  function hear() {
    link.heardAt = window.Date.now();
    window.clearTimeout(link.patience);
    link.patience = undefined;
  }

  /** @param {*} message */
  function receive(message) {
    if (message.op === "ack" || message.op === "error") {
      answer(message);
      return;
    }
    hear();
    if (message.op === "hello") {
      Object.assign(link, { openedAt: window.Date.now(), misses: 0 });
      keepBeat();
    }
    guarded(() => onMessage(message));
    if (message.op === "hello") {
      tell("open");
    }
  }

  /** @param {*} message `ack` or `error` */
  function answer(message) {
    const asked = pending.get(message.id);
    if (!asked) {
      link.said = message.error?.message ?? link.said; // and the connection closes behind it
      return;
    }
    hear();
    pending.delete(message.id);
    if (message.op === "ack") {
      asked.resolve(message);
    } else {
      asked.reject(apiError(message.error));
    }
  }

  /** @param {ArrayBuffer} bytes */
  function take(bytes) {
    hear();
    guarded(() => {
      const frame = decode(bytes);
      link.seq = frame.seq;
      const isFirst = !link.kinds.has(frame.kind);
      link.kinds.add(frame.kind);
      onFrame(frame, isFirst);
    });
    if (!link.isPainting) {
      link.isPainting = true;
      whenPainted(acknowledge);
    }
  }

  /** All are acknowledged, whatever became of them: some that are not would end the stream. */
  function acknowledge() {
    link.isPainting = false;
    if (link.seq !== link.drawn) {
      link.drawn = link.seq;
      link.now?.send({ op: "credit", seq: link.seq });
    }
  }

  /** @param {() => void} deed */
  function guarded(deed) {
    try {
      deed();
    } catch (error) {
      window.reportError(error);
    }
  }

  /**
   * Call back once what was drawn is on the screen, or soon where nothing is painted.
   * @param {() => void} done
   */
  function whenPainted(done) {
    const once = { isDone: false };
    const finish = () => {
      if (!once.isDone) {
        once.isDone = true;
        done();
      }
    };
    window.setTimeout(finish, UNSEEN);
    window.requestAnimationFrame(() => window.setTimeout(finish));
  }

  /** @param {{ code: number, message: string }} end */
  function closed({ code, message }) {
    const wasOpen = link.state.status === "open";
    const wasSteady = wasOpen && window.Date.now() - link.openedAt >= STEADY;
    drop("the connection was lost before the server answered");
    const words = link.said || message;
    if (code in FINAL) {
      tell("refused", words || FINAL[code], code);
      return;
    }
    if (code === STRANGER && link.token !== null) {
      link.token = null;
      onStranger();
      connect();
      return;
    }
    link.retries = wasSteady ? 0 : link.retries;
    const wait = code === BUSY ? retryAfter(Number.POSITIVE_INFINITY, random) : retryAfter(link.retries, random);
    link.retries += 1;
    link.misses += wasOpen ? 0 : 1;
    link.timer = window.setTimeout(connect, wait);
    tell("waiting", words, code);
    if (link.misses === TRIES) {
      lookForPages();
    }
  }

  /** Find out whether the server is away, or only what is live is held back on the way to it. */
  async function lookForPages() {
    const answer = await window.fetch(path, { cache: "no-store" }).catch(() => null);
    if (answer?.ok && link.misses >= TRIES && link.state.status === "waiting") {
      tell("waiting", link.state.message || blockedWords(window.location.host), link.state.code);
    }
  }

  /**
   * Leave the connection, and answer what it was asked.
   * @param {string} why
   */
  function drop(why) {
    const { now } = link;
    link.now = null;
    window.clearTimeout(link.patience);
    window.clearTimeout(link.beat);
    link.patience = undefined;
    now?.close();
    for (const { reject } of pending.values()) {
      reject(new ApiError("disconnected", why));
    }
    pending.clear();
  }

  /** Look now and then whether a connection that is quiet still lives: of one that died silently nothing is heard. */
  function keepBeat() {
    window.clearTimeout(link.beat);
    link.beat = window.setTimeout(() => {
      if (document.visibilityState === "visible" && window.Date.now() - link.heardAt >= QUIET) {
        probe();
      }
      keepBeat();
    }, BEAT);
  }

  /** Ask the server whether it is there, unless it is being asked. */
  function probe() {
    if (link.patience === undefined) {
      expect(ANSWERED_WITHIN);
      exchange({ op: PING }).catch(() => {});
    }
  }

  /** The page is looked at again, or the network is back: whatever waits waits no longer. */
  function wake() {
    if (document.visibilityState !== "visible") {
      return;
    }
    if (link.timer !== undefined) {
      link.retries = 0;
      connect();
    } else if (link.state.status === "open") {
      probe();
    } else if (link.now) {
      expect(ANSWERED_WITHIN);
    }
  }

  /**
   * @param {Record<string, *>} command
   * @returns {Promise<*>}
   */
  function exchange(command) {
    const { now } = link;
    if (!now || link.state.status !== "open") {
      return Promise.reject(new ApiError("disconnected", "there is no connection to the lab right now"));
    }
    return new Promise((resolve, reject) => {
      const id = link.nextId;
      link.nextId += 1;
      pending.set(id, { resolve, reject });
      now.send({ ...command, id });
    });
  }

  window.addEventListener("online", wake);
  window.addEventListener("pageshow", wake);
  document.addEventListener("visibilitychange", wake);
  tell("connecting");
  connect();

  return {
    /** @returns {WatchLinkState} */
    get state() {
      return link.state;
    },
    /**
     * Send a command.
     * @param {string} op
     * @param {Record<string, *>} [fields]
     * @returns {Promise<*>} The acknowledgement; rejects with an `ApiError`.
     */
    say: (op, fields = {}) => exchange({ ...fields, op }),
    /** Leave, and stay away. */
    close() {
      window.removeEventListener("online", wake);
      window.removeEventListener("pageshow", wake);
      document.removeEventListener("visibilitychange", wake);
      window.clearTimeout(link.timer);
      link.timer = undefined;
      drop("the page left before the server answered");
    },
  };
}
