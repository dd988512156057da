// Which run this page shows: opened for it, found again after a reload, or watched.

/** @import { Change, Config, Run, Schema, Store } from "./types.js" */

import { ApiError } from "./api.js";
import { ingestFrame, ingestRun } from "./ingest.js";
import { createLive } from "./live.js";
import { createStorage } from "./storage.js";
import { MAX_LENGTH, read, write } from "./url.js";

const KEY = "dropout-lab-run"; // one run for each tab
const FIRST_SPEED = 100; // steps/s: the story of the default run takes ten seconds
const URL_EVERY = 1000; // ms; browsers refuse to have the address rewritten more than some three times a second
const FIRST_RETRY = 500; // ms; doubles up to
const LAST_RETRY = 10_000;

/** Commands to be sent once a fresh run answers. @typedef {{ speed: number | null, play: boolean }} Start */

/**
 * @param {object} options
 * @param {Window} options.window
 * @param {Store} options.store
 * @param {ReturnType<typeof import("./api.js").createApi>} options.api
 * @param {(kind: "error" | "info", text: string) => void} options.notify
 */
export function createSession({ window, store, api, notify }) {
  const storage = createStorage(() => window.sessionStorage);
  const session = {
    id: "",
    token: /** @type {string | null} */ (null),
    start: /** @type {Start | null} */ (null),
    urlTimer: /** @type {number | undefined} */ (undefined),
  };
  const live = createLive(window, {
    onConnection: (connection) => store.update("connection", { connection }),
    onFrame: (frame) => ingestFrame(store, frame),
    onTrouble: (text) => notify("error", text),
    onMessage,
    onFinal,
  });

  /** @param {Parameters<import("./live.js").LiveEvents["onMessage"]>[0]} message */
  function onMessage({ op, role, reason, run }) {
    if (!run) {
      return;
    }
    const { run: before, steps } = store.state;
    if (op === "hello") {
      store.update("run", { role: role ?? "viewer" });
      ingestRun(store, run, { fresh: before?.id !== run.id || run.step < steps.last });
      begin();
    } else {
      const fresh = reason === "reset" || reason === "restarted";
      if (reason === "restarted") {
        notify(
          "info",
          "The process that trained this run was lost. It starts again from step 0: same seed, same changes.",
        );
      }
      ingestRun(store, run, { fresh });
    }
    window.document.documentElement.dataset.ready = "true";
    rememberSoon();
  }

  /** Set a fresh run going. */
  function begin() {
    const { start } = session;
    session.start = null;
    if (start && store.state.role === "owner") {
      const commands = [{ op: "speed", steps_per_second: start.speed }, ...(start.play ? [{ op: "play" }] : [])];
      Promise.all(commands.map((command) => live.send(command))).catch((error) => notify("error", error.message));
    }
  }

  /**
   * @param {number} code
   * @param {string} message
   */
  async function onFinal(code, message) {
    const { run, role } = store.state;
    if (code !== 4404 || role !== "owner" || !run) {
      store.update("connection", {
        connection: { status: code === 4410 ? "ended" : "failed", message, retryInMs: null },
      });
      return;
    }
    const start = { speed: run.steps_per_second, play: run.state === "playing" };
    const again = "The server no longer had this run. It starts again from step 0: same seed, same changes.";
    await open(run.first_config, run.changes, start).then(() => notify("info", again), fail);
  }

  /**
   * @param {Partial<Config>} config
   * @param {Change[]} changes
   * @param {Start} start
   */
  async function open(config, changes, start) {
    const { id, token } = await patiently(() => api.open(config, changes));
    Object.assign(session, { id, token, start });
    live.attach(id, token);
  }

  /**
   * Ask until the server is there and has a worker.
   * @template T
   * @param {() => Promise<T>} ask
   * @returns {Promise<T>}
   */
  async function patiently(ask) {
    for (let wait = FIRST_RETRY; ; wait = Math.min(wait * 2, LAST_RETRY)) {
      try {
        return await ask();
      } catch (error) {
        if (error instanceof ApiError && error.code !== "no_worker") {
          throw error;
        }
        const message = error instanceof ApiError ? error.message : "the server does not answer";
        store.update("connection", { connection: { status: "reconnecting", message, retryInMs: wait } });
        await new Promise((resolve) => window.setTimeout(() => resolve(null), wait));
      }
    }
  }

  /** @param {unknown} error */
  function fail(error) {
    const message = /** @type {Error} */ (error).message;
    store.update("connection", { connection: { status: "failed", message, retryInMs: null } });
  }

  /** Write the run into the address, and remember that this tab owns it. */
  function remember() {
    const { run, schema, role } = store.state;
    session.urlTimer = undefined;
    if (!run || !schema || role !== "owner" || run.id !== session.id) {
      return;
    }
    const { search } = link(schema, run);
    if (search !== window.location.search) {
      window.history.replaceState(null, "", search || window.location.pathname);
    }
    storage.set(KEY, JSON.stringify({ search: window.location.search, id: session.id, token: session.token }));
  }

  function rememberSoon() {
    session.urlTimer ??= window.setTimeout(remember, URL_EVERY);
  }
  window.addEventListener("pagehide", remember);

  /**
   * @param {Schema} schema
   * @param {Run} run
   */
  function link(schema, run) {
    const whole = write(schema, run.first_config, run.changes);
    const complete = whole.length <= MAX_LENGTH;
    return { search: complete ? whole : write(schema, run.config, []), complete };
  }

  /** The run that this tab had before a reload, if the address is still its own and the server still has it. */
  async function recall() {
    const mine = JSON.parse(storage.get(KEY) ?? "null");
    if (mine?.search !== window.location.search) {
      return null;
    }
    return api.run(mine.id).then(
      () => mine,
      () => null,
    );
  }

  return {
    live,
    /** Open what the address says. */
    async boot() {
      try {
        const schema = await patiently(() => api.schema());
        store.update("schema", { schema });
        const address = read(schema, window.location.search);
        for (const { text } of address.errors) {
          notify("error", text);
        }
        if (address.run) {
          Object.assign(session, { id: address.run, token: null, start: null });
          live.attach(address.run, null);
          return;
        }
        const mine = await recall();
        if (mine) {
          Object.assign(session, { id: mine.id, token: mine.token });
          live.attach(mine.id, mine.token);
          return;
        }
        await open(address.config, address.changes, { speed: FIRST_SPEED, play: true }).catch((error) => {
          notify("error", `${error.message}. The default run was opened instead.`);
          return open({}, [], { speed: FIRST_SPEED, play: true });
        });
      } catch (error) {
        fail(error);
      }
    },
    /**
     * Open another run in place of this one, which ends if it was this page's own.
     * @param {Partial<Config>} config
     */
    async newRun(config) {
      const { run, role } = store.state;
      const { id, token } = session;
      await open(config, [], { speed: run ? run.steps_per_second : FIRST_SPEED, play: true });
      if (role === "owner" && token) {
        api.end(id, token).catch(() => {}); // it expires by itself
      }
    },
    /**
     * Links to this run: one that reproduces it, and whether it holds all the changes; one that watches it.
     * @returns {{ reproduce: string, complete: boolean, watch: string } | null}
     */
    links() {
      const { run, schema } = store.state;
      if (!run || !schema) {
        return null;
      }
      const page = `${window.location.origin}${window.location.pathname}`;
      const { search, complete } = link(schema, run);
      return { reproduce: page + search, complete, watch: `${page}?run=${encodeURIComponent(run.id)}` };
    },
  };
}
