// Which run this page shows: opened for it, found again after a reload, or watched.

/** @import { Extra } from "./api.js" */
/** @import { Change, Config, Experiment, Run, Schema, Store } from "./types.js" */

import { belongs, experimentIn, extraOf, pathOf } from "./experiments.js";
import { guessesOf } from "./guesses.js";
import { ingestFrame, ingestRun } from "./ingest.js";
import { createLive } from "./live.js";
import { createPatience } from "./patience.js";
import { createStorage } from "./storage.js";
import { MAX_LENGTH, read, write } from "./url.js";

const KEY = "dropout-lab-run"; // one run for each tab
const FIRST_SPEED = 100; // steps/s: the story of the default run takes ten seconds
const URL_EVERY = 1000; // ms; browsers refuse to have the address rewritten more than some three times a second

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
  const guesses = guessesOf(window.document);
  const patiently = createPatience({ window, store });
  const session = {
    id: "",
    token: /** @type {string | null} */ (null),
    start: /** @type {Start | null} */ (null),
    urlTimer: /** @type {number | undefined} */ (undefined),
    views: /** @type {string[]} */ ([]), // that this page has open
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
      showViews();
      void settle(run);
      begin();
    } else {
      const fresh = ["reset", "restarted", "batch"].includes(reason ?? "");
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

  /**
   * Know which experiment a run belongs to, and whether its answer may be seen.
   * @param {Run} run
   */
  async function settle(run) {
    const id = run.experiment ?? null;
    const experiment = id === null ? null : await experimentCalled(id);
    if (store.state.run?.id === run.id) {
      const revealed = !experiment?.guess || guesses.get(run.id) !== null;
      store.update("experiment", { experiment, revealed });
    }
  }

  /**
   * @param {string} id
   * @returns {Promise<Experiment | null>}
   */
  async function experimentCalled(id) {
    if (store.state.experiments.length === 0) {
      store.update("experiment", { experiments: await patiently(() => api.experiments()) });
    }
    return store.state.experiments.find((each) => each.id === id) ?? null;
  }

  /** Tell the server which views are open: of a new connection it does not know. */
  function showViews() {
    live.send({ op: "views", open: session.views }).catch(() => {}); // told again once the connection is back
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
    const { experiment, stop_at, search } = run;
    const extra = { experiment, stop_at, search, follow: search ? null : run.follow };
    const opened = open(run.first_config, search ? [] : run.changes, start, extra);
    await opened.then(() => notify("info", again), fail);
  }

  /**
   * @param {Partial<Config>} config
   * @param {Change[]} changes
   * @param {Start} start
   * @param {Extra} [extra]
   */
  async function open(config, changes, start, extra = {}) {
    const { id, token } = await patiently(() => api.open(config, changes, extra));
    const { run: before } = store.state;
    if (before && before.experiment === (extra.experiment ?? null)) {
      guesses.move(before.id, id);
    }
    Object.assign(session, { id, token, start });
    live.attach(id, token);
  }

  /**
   * Open the first run of this page; where its configuration is refused, the usual one.
   * @param {Experiment | null} experiment Whose page this is.
   * @param {Partial<Config>} config
   * @param {Change[]} changes
   */
  async function openFirst(experiment, config, changes) {
    const fits = experiment !== null && belongs(config, experiment);
    const start = { speed: experiment ? experiment.speed : FIRST_SPEED, play: !(fits && experiment.guess) };
    try {
      await open(config, changes, start, fits ? extraOf(experiment) : {});
    } catch (error) {
      const { message } = /** @type {Error} */ (error);
      notify("error", `${message}. The ${experiment ? "experiment as it is" : "default run"} was opened instead.`);
      const usual = { speed: start.speed, play: !experiment?.guess };
      await open(experiment?.config ?? {}, [], usual, experiment ? extraOf(experiment) : {});
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
    const { pathname: path, search: query } = window.location;
    const { search } = link(schema, run);
    const place = pathOf(store.state.experiment, path);
    if (place + search !== path + query) {
      window.history.replaceState(null, "", place + search);
    }
    storage.set(KEY, JSON.stringify({ path: place, search, id: session.id, token: session.token }));
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
    const usual = store.state.experiment?.config;
    if (run.search && usual) {
      return { search: write(schema, { ...run.first_config, lanes: usual.lanes }, [], usual), complete: true };
    }
    const whole = write(schema, run.first_config, run.changes, usual);
    const complete = whole.length <= MAX_LENGTH;
    return { search: complete ? whole : write(schema, run.config, [], usual), complete };
  }

  /** The run that this tab had before a reload, if the address is still its own and the server still has it. */
  async function recall() {
    const mine = JSON.parse(storage.get(KEY) ?? "null");
    const { pathname, search } = window.location;
    if (mine?.path !== pathname || mine.search !== search) {
      return null;
    }
    return api.run(mine.id).then(
      () => mine,
      () => null,
    );
  }

  return {
    live,
    /** @param {string[]} open */
    views(open) {
      session.views = [...open];
      if (store.state.connection.status === "live") {
        showViews();
      }
    },
    /** Open what the address says. */
    async boot() {
      try {
        const schema = await patiently(() => api.schema());
        store.update("schema", { schema });
        const name = experimentIn(window.location.pathname);
        const experiment = name === null ? null : await experimentCalled(name);
        store.update("experiment", { experiment });
        const address = read(schema, window.location.search, experiment?.config);
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
        await openFirst(experiment, address.config, address.changes);
      } catch (error) {
        fail(error);
      }
    },
    /**
     * Open another run in place of this one, which ends if it was this page's own. It belongs to the same experiment if its networks
     * are still those.
     * @param {Partial<Config>} config
     * @param {Extra} [extra]
     */
    async newRun(config, extra = {}) {
      const { run, role, experiment: now, experiments, revealed } = store.state;
      const { id, token } = session;
      const name = extra.experiment === undefined && now && belongs(config, now) ? now.id : (extra.experiment ?? null);
      const experiment = experiments.find((each) => each.id === name);
      const play = !experiment?.guess || (run?.experiment === name && revealed);
      const speed = run ? run.steps_per_second : FIRST_SPEED;
      await open(config, [], { speed, play }, { ...(experiment ? extraOf(experiment) : {}), ...extra });
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
      const page = window.location.origin + pathOf(store.state.experiment, window.location.pathname);
      const { search, complete } = link(schema, run);
      return { reproduce: page + search, complete, watch: `${page}?run=${encodeURIComponent(run.id)}` };
    },
  };
}
