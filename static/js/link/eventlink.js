// A link to a run by plain HTTP, for networks that let no WebSocket through: a stream of events one way, POSTs the other.

/** @import { Link, LinkEvents } from "../types.js" */

import { bytesOf, createEventReader } from "./eventstream.js";

const LOST = 1006; // the close code of a connection that broke off, or never was
const CREDIT_EVERY = 50; // ms: four frames may be on the way meanwhile, more than the eye can tell apart
const LAST_WORDS = 1000; // ms for the stream to say why, once a POST was not taken
const MOST_CHARACTERS = 30_000; // of one POST; the server's least usual limit for a body is twice that
const MOST_MESSAGES = 100;

/** @type {Record<string, number>} The close code of the WebSocket that says the same as an error of HTTP. */
const CODES = {
  bad_message: 4400,
  wrong_host: 4403,
  wrong_origin: 4403,
  wrong_token: 4403,
  not_found: 4404,
  too_many_viewers: 4429,
};

/**
 * @param {Window & typeof globalThis} window
 * @param {string} path Of the run.
 * @param {string | null} token The owner's.
 * @param {LinkEvents} events
 * @returns {Link}
 */
export function openEventLink(window, path, token, events) {
  const abort = new AbortController();
  const link = {
    isOver: false,
    heardAt: window.performance.now(),
    watchdog: /** @type {number | undefined} */ (undefined),
    mouth: /** @type {ReturnType<typeof createMouth> | null} */ (null), // once there is a seat
  };

  /** @param {{ code: number, message: string }} end */
  function over(end) {
    if (!link.isOver) {
      close();
      events.onClosed(end);
    }
  }

  function close() {
    link.isOver = true;
    window.clearInterval(link.watchdog);
    link.mouth?.stop();
    abort.abort();
  }

  /**
   * Take an event in. One that the page cannot use is told, and is not the end of the stream.
   * @param {string} name
   * @param {string} data
   */
  function onEvent(name, data) {
    if (link.isOver) {
      return;
    }
    try {
      take(name, data);
    } catch (error) {
      reportError(error);
    }
  }

  /**
   * @param {string} name
   * @param {string} data
   */
  function take(name, data) {
    if (name === "frame") {
      events.onFrame(bytesOrNone(data));
    } else if (name === "message") {
      events.onMessage(JSON.parse(data));
    } else if (name === "seat") {
      sit(JSON.parse(data));
    } else if (name === "close") {
      over({ code: JSON.parse(data).code, message: "" });
    }
  }

  /** @param {{ seat: string, heartbeat_s: number }} given */
  function sit({ seat, heartbeat_s: beat }) {
    link.mouth = createMouth(window, `${path}/commands`, seat, over);
    const patience = 1000 * (2 * beat + 5);
    link.watchdog = window.setInterval(() => {
      if (window.performance.now() - link.heardAt > patience) {
        over({ code: LOST, message: "" });
      }
    }, 1000 * beat);
  }

  async function listen() {
    const headers = { Accept: "text/event-stream", ...(token === null ? {} : { Authorization: `Bearer ${token}` }) };
    const answer = await window.fetch(`${path}/events`, { headers, cache: "no-store", signal: abort.signal });
    if (!answer.ok || !answer.body || !answer.headers.get("Content-Type")?.startsWith("text/event-stream")) {
      over(await refusal(answer));
      return;
    }
    const read = createEventReader({ onEvent, onComment: () => link.mouth?.stillHere() });
    const reader = answer.body.getReader();
    const text = new TextDecoder();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        break;
      }
      link.heardAt = window.performance.now();
      read(text.decode(value, { stream: true }));
    }
    over({ code: LOST, message: "" });
  }
  listen().catch(() => over({ code: LOST, message: "" }));

  return { send: (message) => link.mouth?.say(message), close };
}

/**
 * @param {string} data
 * @returns {ArrayBuffer} Empty where something on the way spoilt it: then it is a frame that cannot be read.
 */
function bytesOrNone(data) {
  try {
    return bytesOf(data);
  } catch {
    return new ArrayBuffer(0);
  }
}

/**
 * What is said, in as few POSTs as there may be: commands at once, one POST at a time, and credits with the next.
 * @param {Window & typeof globalThis} window
 * @param {string} path
 * @param {string} seat
 * @param {(end: { code: number, message: string }) => void} over
 */
function createMouth(window, path, seat, over) {
  const state = {
    queue: /** @type {string[]} */ ([]),
    credit: "{}", // the last that was given, and
    owed: false, // whether it is still to be said
    isPosting: false,
    isOver: false,
    timer: /** @type {number | undefined} */ (undefined),
  };

  /** @returns {string[]} What the next POST says. */
  function next() {
    const said = state.owed && state.credit !== "{}" ? [state.credit] : [];
    state.owed = false;
    for (let length = 0; state.queue.length > 0 && said.length < MOST_MESSAGES; ) {
      length += state.queue[0].length;
      if (length > MOST_CHARACTERS && said.length > 0) {
        break;
      }
      said.push(/** @type {string} */ (state.queue.shift()));
    }
    return said;
  }

  async function post() {
    window.clearTimeout(state.timer);
    state.timer = undefined;
    if (state.isPosting || state.isOver) {
      return;
    }
    state.isPosting = true;
    const body = `{"seat":${JSON.stringify(seat)},"messages":[${next().join()}]}`;
    const headers = { "Content-Type": "application/json" };
    const answer = await window.fetch(path, { method: "POST", headers, body }).catch(() => null);
    state.isPosting = false;
    if (!answer?.ok) {
      state.isOver = true;
      const end = answer ? await refusal(answer, true) : { code: LOST, message: "" };
      window.setTimeout(() => over(end), end.code === LOST ? LAST_WORDS : 0);
    } else if (state.queue.length > 0) {
      void post();
    } else if (state.owed) {
      soon();
    }
  }

  function soon() {
    state.timer ??= window.setTimeout(post, CREDIT_EVERY);
  }

  return {
    /** @param {Record<string, *>} message */
    say(message) {
      const text = JSON.stringify(message);
      if (message.op === "credit") {
        Object.assign(state, { credit: text, owed: true });
        soon();
      } else {
        state.queue.push(text);
        void post();
      }
    },
    /** Answer a heartbeat, so that the server knows that it is heard. */
    stillHere() {
      state.owed = true;
      soon();
    },
    stop() {
      state.isOver = true;
      window.clearTimeout(state.timer);
    },
  };
}

/**
 * Why an answer is none: in the server's words if they are the server's, and not those of something on the way.
 * @param {Response} answer
 * @param {boolean} [toPost] Whether it is that to a POST: then the run may exist, and only the seat be gone.
 * @returns {Promise<{ code: number, message: string }>}
 */
async function refusal(answer, toPost = false) {
  const { error } = await answer.json().catch(() => ({}));
  const code = CODES[error?.code] ?? LOST;
  return toPost && code === 4404 ? { code: LOST, message: "" } : { code, message: error?.message ?? "" };
}
