// The live connection to a room: topics come, commands go, and a connection that is lost comes back by itself.

/** @import { Link, LinkEvents, RoomLinkState, RoomTopics } from "../types.js" */

import { addressOf, ROOT } from "../base/addresses.js";
import { ApiError, apiError } from "../link/api.js";
import { openSocketLink } from "../link/socketlink.js";
import { roomPath } from "./api.js";
import { blockedWords } from "./words.js";

const FIRST_RETRY = 500; // ms; doubles up to
const LAST_RETRY = 5000;
const STEADY = 5000; // ms that a connection must have lasted before the next attempt comes soon again
const GREETED_WITHIN = 8000; // ms; a connection over which nothing comes is none
const QUIET = 5000; // ms without a word, after which the server is asked whether it is there,
const BEAT = 2000; // looked at so often,
const ANSWERED_WITHIN = 4000; // and how long it has for an answer
const TRIES = 3; // connections in a row that were never greeted, before it is asked what stands between
const UNSEEN = 300; // ms after which what was drawn counts as seen where nothing is painted, as on a hidden page
const PING = "ping"; // asks for an answer, whichever: a refusal of it will do as well
const LOST = 1006; // the close code of a connection that broke off, or never was
const BUSY = 4429;
const ENDED = 4410;

/** Close codes after which another attempt would be answered the same, and what they mean. @type {Record<number, string>} */
const FINAL = {
  4400: "This page and the server do not speak the same language. Reload the page.",
  4403: "You are no longer in this room.",
  4404: "There is no room with this code.",
  [ENDED]: "The room has ended.",
};

/** A command that was refused, by code and in the server's words; `disconnected`: it may not have arrived. */
export { ApiError as RoomError };

/**
 * How long to wait for the next attempt: longer each time, and not all for the same time.
 * @param {number} retries How many there have been.
 * @param {() => number} random From 0 to 1.
 */
export function retryAfter(retries, random) {
  return Math.round(Math.min(FIRST_RETRY * 2 ** retries, LAST_RETRY) * (0.5 + random() / 2));
}

/**
 * Connect to a room, and stay connected.
 * @param {object} options
 * @param {Window & typeof globalThis} options.window
 * @param {string} options.code
 * @param {string | null} [options.token] Without one, one watches.
 * @param {"projector" | "host" | "phone" | null} [options.shows] For whose page the topics are.
 * @param {string} [options.url] Where the room is, without `/live`; by default below the lab that this page is of.
 * @param {(topic: RoomTopics[keyof RoomTopics]) => void} [options.onTopic] Hears every topic, after those who asked for it (`on`).
 * @param {(state: RoomLinkState) => void} [options.onState] Hears every change of the state, and the first.
 * @param {(window: Window & typeof globalThis, path: string, token: string | null, events: LinkEvents,
 *   beside: Record<string, *>) => Link} [options.open] What a link is made of.
 * @param {() => number} [options.random]
 */
export function createRoomLink({
  window,
  code,
  token = null,
  shows = null,
  url = addressOf(roomPath(code)),
  onTopic = () => {},
  onState = () => {},
  open = openSocketLink,
  random = Math.random,
}) {
  const { document } = window;
  /** @type {Partial<RoomTopics>} */
  const topics = {};
  /** @type {Map<string, Set<(topic: *) => void>>} */
  const listeners = new Map();
  /** @type {Map<number, { resolve: (answer: *) => void, reject: (error: ApiError) => void }>} */
  const pending = new Map();
  const link = {
    now: /** @type {Link | null} */ (null),
    token,
    state: /** @type {RoomLinkState} */ ({ status: "connecting", message: "", code: null, retryInMs: null }),
    retries: 0,
    misses: 0, // connections in a row that were never greeted
    blocked: "", // what is said of a network that lets no live connection through
    openedAt: 0,
    heardAt: 0,
    nextId: 1,
    said: "", // the reason that the server gave before the connection closed
    drawn: /** @type {number[]} */ ([]), // topics that are drawn and not yet painted
    timer: /** @type {number | undefined} */ (undefined), // until the next attempt
    patience: /** @type {number | undefined} */ (undefined), // with one that was not greeted, or asked whether it lives
    beat: /** @type {number | undefined} */ (undefined),
  };

  /**
   * @param {RoomLinkState["status"]} status
   * @param {Partial<RoomLinkState>} [more]
   */
  function tell(status, more = {}) {
    link.state = { status, message: "", code: null, retryInMs: null, ...more };
    onState(link.state);
  }

  function connect() {
    window.clearTimeout(link.timer);
    link.timer = undefined;
    link.said = "";
    const current = (/** @type {(what: *) => void} */ handle) => (/** @type {*} */ what) => {
      if (made === link.now) {
        handle(what);
      }
    };
    const events = { onMessage: current(receive), onFrame: () => {}, onClosed: current(closed) };
    // Where the page is, only the browser of a host knows for sure: a proxy may take the path away and not say so.
    const place = shows === "host" ? { shows, at: ROOT } : shows === null ? {} : { shows };
    const made = open(window, url, link.token, events, place);
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

  /** @param {*} message */
  function receive(message) {
    link.heardAt = window.Date.now();
    window.clearTimeout(link.patience);
    link.patience = undefined;
    if (message.op === "ack" || message.op === "error") {
      answer(message);
      return;
    }
    if (link.state.status !== "open") {
      Object.assign(link, { openedAt: window.Date.now(), misses: 0, blocked: "" });
      tell("open");
      keepBeat();
    }
    /** @type {Record<string, *>} */ (topics)[message.op] = message;
    for (const listener of [...(listeners.get(message.op) ?? []), onTopic]) {
      try {
        listener(message);
      } catch (error) {
        window.reportError(error); // all are seen, whatever became of them: two that are not would end the stream
      }
    }
    if (Number.isInteger(message.n)) {
      link.drawn.push(message.n);
      if (link.drawn.length === 1) {
        paint(seen);
      }
    }
  }

  /** @param {*} message `ack` or `error` */
  function answer(message) {
    const asked = pending.get(message.id);
    if (!asked) {
      link.said = message.error?.message ?? link.said;
      return;
    }
    pending.delete(message.id);
    if (message.op === "ack") {
      asked.resolve(message);
    } else {
      asked.reject(apiError(message.error));
    }
  }

  /**
   * Call back once what was drawn is on the screen, or soon where nothing is painted.
   * @param {() => void} done
   */
  function paint(done) {
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

  function seen() {
    const drawn = link.drawn;
    link.drawn = [];
    for (const n of drawn) {
      link.now?.send({ op: "seen", n });
    }
  }

  /** @param {{ code: number, message: string }} end */
  function closed({ code, message }) {
    const wasOpen = link.state.status === "open";
    const wasSteady = wasOpen && window.Date.now() - link.openedAt >= STEADY;
    drop("the connection was lost before the server answered");
    const words = link.said || message;
    if (code in FINAL) {
      tell(code === ENDED ? "ended" : "refused", { code, message: words || FINAL[code] });
      return;
    }
    link.retries = wasSteady ? 0 : link.retries;
    const wait = code === BUSY ? retryAfter(Number.POSITIVE_INFINITY, random) : retryAfter(link.retries, random);
    link.retries += 1;
    link.misses += wasOpen ? 0 : 1;
    link.timer = window.setTimeout(connect, wait);
    tell("waiting", { code, message: words || link.blocked, retryInMs: wait });
    if (link.misses === TRIES) {
      lookForPages();
    }
  }

  /** Find out whether the server is away, or only what is live is held back on the way to it. */
  async function lookForPages() {
    const answer = await window.fetch(url, { cache: "no-store" }).catch(() => null);
    if (answer?.ok && link.misses >= TRIES && link.state.status === "waiting") {
      link.blocked = blockedWords(window.location.host);
      tell("waiting", { ...link.state, message: link.state.message || link.blocked });
    }
  }

  /**
   * Leave the connection, and answer what it was asked.
   * @param {string} why
   */
  function drop(why) {
    const { now } = link;
    link.now = null;
    link.drawn = [];
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
      expect(ANSWERED_WITHIN); // it began before the phone slept, perhaps
    }
  }

  /**
   * @param {Record<string, *>} command
   * @returns {Promise<*>}
   */
  function exchange(command) {
    const { now } = link;
    if (!now || link.state.status !== "open") {
      return Promise.reject(new ApiError("disconnected", "there is no connection to the server right now"));
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
  connect();

  return {
    /** The newest of each topic that has come. */
    topics,
    /** @returns {RoomLinkState} */
    get state() {
      return link.state;
    },
    /**
     * Hear a topic whenever it comes, and at once if it has.
     * @template {keyof RoomTopics} T
     * @param {T} op
     * @param {(topic: RoomTopics[T]) => void} listener
     * @returns {() => void} Ends it.
     */
    on(op, listener) {
      const heard = listeners.get(op) ?? new Set();
      listeners.set(op, heard);
      heard.add(listener);
      const known = topics[op];
      if (known) {
        listener(known);
      }
      return () => void heard.delete(listener);
    },
    /**
     * Send a command.
     * @param {string} op
     * @param {Record<string, *>} [fields]
     * @returns {Promise<*>} The acknowledgement; rejects with a `RoomError`.
     */
    say: (op, fields = {}) => exchange({ ...fields, op }),
    /**
     * Connect anew at once, after whatever has happened.
     * @param {string | null} [as] The token to come with from now on.
     */
    again(as = link.token) {
      drop("the page connected anew before the server answered");
      link.token = as;
      link.retries = 0;
      tell("connecting");
      connect();
    },
    /** Leave, and stay away. */
    close() {
      window.removeEventListener("online", wake);
      window.removeEventListener("pageshow", wake);
      document.removeEventListener("visibilitychange", wake);
      window.clearTimeout(link.timer);
      link.timer = undefined;
      drop("the page left the room before the server answered");
    },
  };
}
