// Which run this page shows: opened for it, found again after a reload, or watched.

/** @import { Extra } from "./api.js" */
/** @import { Change, Config, Experiment, Run, Schema, Store } from "../types.js" */

import { addressOf } from "../base/addresses.js";
import { givenIn } from "../base/given.js";
import { createStorage } from "../base/storage.js";
import { addChanges } from "../model/changes.js";
import { belongs, experimentIn, extraOf, pathOf } from "../model/experiments.js";
import { formatCount } from "../model/stats.js";
import { guessesOf } from "../state/guesses.js";
import { ingestFrame, ingestRun } from "./ingest.js";
import { createLive } from "./live.js";
import { createOwned, OWN } from "./owned.js";
import { createPatience } from "./patience.js";
import { MAX_LENGTH, read, write, writeWithin } from "./url.js";

const KEY = "dropout-lab-run"; // one run for each tab
const FIRST_SPEED = 100; // steps/s: the story of the default run takes ten seconds
const OF_CONFIGURATION = ["bad_value", "unknown_knob", "bad_table", "internal"]; // refusals that another one may not meet
const URL_EVERY = 1000; // ms; browsers refuse to have the address rewritten more than some three times a second

/** Commands to be sent once a fresh run answers. @typedef {{ speed: number | null, play: boolean }} Start */

/**
 * @param {object} options
 * @param {Window & typeof globalThis} options.window
 * @param {Store} options.store
 * @param {ReturnType<typeof import("./api.js").createApi>} options.api
 * @param {(kind: "error" | "info", text: string) => void} options.notify
 */
export function createSession({ window, store, api, notify }) {
  const storage = createStorage(() => window.sessionStorage);
  const owned = createOwned(() => window.localStorage);
  const guesses = guessesOf(window.document);
  const patiently = createPatience({ window, store });
  const session = {
    id: "",
    token: /** @type {string | null} */ (null),
    start: /** @type {Start | null} */ (null),
    urlTimer: /** @type {number | undefined} */ (undefined),
    views: /** @type {string[]} */ ([]), // that this page has open
  };
  const { lesson } = givenIn(window.document); // leads its reader from run to run by itself
  const live = createLive(window, {
    onConnection: (connection) => store.update("connection", { connection }),
    onFrame: (frame) => ingestFrame(store, frame),
    onTrouble: (text) => notify("error", text),
    onMessage,
    onFinal,
  });

  /** @param {Parameters<import("./live.js").LiveEvents["onMessage"]>[0]} message */
  function onMessage({ op, role, reason, run, changes }) {
    if (!run) {
      return;
    }
    const { run: before, steps } = store.state;
    if (run.unkept && run.unkept !== before?.unkept) {
      notify("error", `Runs are not being saved now, and would be lost with the server: ${run.unkept}`);
    }
    if (run.silent && !before?.silent) {
      notify(
        "info",
        "The process that trains this run does not answer. If it stays silent, the run goes on with another one in a " +
          "few seconds.",
      );
    }
    if (op === "hello") {
      if (before?.id === run.id && 0 < run.step && run.step < steps.last) {
        notify(
          "info",
          `The server was started again. The run goes on from step ${run.step.toLocaleString("en")}: ` +
            "same seed, same changes, same numbers.",
        );
      }
      store.update("run", { role: role ?? "viewer" });
      ingestRun(store, run, { fresh: before?.id !== run.id || run.step < steps.last });
      showViews();
      settle(run).catch((error) => notify("error", error.message));
      begin();
    } else {
      const fresh = ["reset", "restarted", "batch"].includes(reason ?? "");
      if (reason === "restarted") {
        notify(
          "info",
          `The process that trained this run was lost. It goes on from step ${run.step.toLocaleString("en")}: ` +
            "same seed, same changes, same numbers.",
        );
      }
      const known = before?.id === run.id && !["reset", "batch"].includes(reason ?? "") ? before.changes : [];
      ingestRun(store, { ...run, changes: addChanges(known, changes ?? []) }, { fresh });
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
    const known = () => store.state.experiments.find((each) => each.id === id) ?? null;
    if (known() === null) {
      store.update("experiment", { experiments: await patiently("for its experiments", () => api.experiments()) });
    }
    return known();
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
    const { id, token } = await patiently("to open a run", () => api.open(config, changes, extra));
    const { run: before } = store.state;
    if (before && before.experiment === (extra.experiment ?? null)) {
      guesses.move(before.id, id);
    }
    attach(id, token, start);
  }

  /**
   * @param {string} id
   * @param {string} token
   * @param {Start} start
   */
  function attach(id, token, start) {
    Object.assign(session, { id, token, start });
    owned.add(id, token);
    live.attach(id, token);
  }

  /**
   * What becomes of the run that this page owns now, if it does, once another has taken its place: one that has been trained, and that
   * the server keeps, stands still and is found under “My runs”; any other ends.
   */
  function leave() {
    const { id, token } = session;
    const { role, run, steps } = store.state;
    if (role !== "owner" || !token) {
      return () => {};
    }
    const stays = Boolean(run?.keep_days) && !run?.unkept && Math.max(run?.step ?? 0, steps.last) > 0;
    return () => {
      if (stays) {
        api.change(id, token, { state: "paused" }).catch(() => {}); // it is paused by itself soon
      } else {
        owned.forget([id]);
        api.end(id, token).catch(() => {}); // it expires by itself
      }
    };
  }

  /**
   * Open the first run of this page; where its configuration is refused, the usual one.
   * @param {Experiment | null} experiment Whose page this is.
   * @param {Partial<Config>} config
   * @param {Change[]} changes
   */
  async function openFirst(experiment, config, changes) {
    const fits = experiment !== null && belongs(config, experiment);
    const speed = lesson ? lesson.speed : experiment ? experiment.speed : FIRST_SPEED;
    const start = { speed, play: !(fits && experiment.guess) && !lesson };
    try {
      const follow = lesson && lesson.follow !== null ? { lane: lesson.follow } : null;
      await open(config, changes, start, fits ? extraOf(experiment) : { follow });
    } catch (error) {
      const { code = "", message } = /** @type {import("./api.js").ApiError} */ (error);
      if (!OF_CONFIGURATION.includes(code)) {
        throw error; // the usual one would be refused as well
      }
      const usual = { speed: start.speed, play: !experiment?.guess };
      await open(experiment?.config ?? lesson?.config ?? {}, [], usual, experiment ? extraOf(experiment) : {});
      notify("error", `${message}. The ${experiment ? "experiment as it is" : "default run"} was opened instead.`);
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
      window.history.replaceState(window.history.state, "", place + search + (lesson ? window.location.hash : ""));
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
    const usual = store.state.experiment?.config ?? lesson?.config;
    if (run.search && usual) {
      return { search: write(schema, { ...run.first_config, lanes: usual.lanes }, [], usual), complete: true };
    }
    const whole = writeWithin(schema, run.first_config, run.changes, usual, MAX_LENGTH);
    return { search: whole ?? write(schema, run.config, [], usual), complete: whole !== null };
  }

  /** The run that this tab had before a reload, if the address is still its own and the server still has it. */
  async function recall() {
    const mine = remembered();
    const { pathname, search } = window.location;
    if (mine?.path !== pathname || mine.search !== search) {
      return null;
    }
    return patiently("for this page’s run", () => api.run(mine.id)).then(
      () => mine,
      () => null,
    );
  }

  /** @returns {{ path: string, search: string, id: string, token: string } | null} What this tab had, if that can be read. */
  function remembered() {
    try {
      return JSON.parse(storage.get(KEY) ?? "null");
    } catch {
      return null; // somebody else wrote it
    }
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
        const given = givenIn(window.document);
        const schema = given.schema ?? (await patiently("for its knobs", () => api.schema()));
        store.update("schema", { schema });
        const name = experimentIn(window.location.pathname);
        if (given.experiment) {
          store.update("experiment", { experiments: [given.experiment] });
        }
        const experiment = name === null ? null : await experimentCalled(name);
        store.update("experiment", { experiment });
        const address = read(schema, window.location.search, experiment?.config ?? lesson?.config);
        for (const { text } of address.errors) {
          notify("error", text);
        }
        if (address.run) {
          const token = window.location.hash === OWN ? owned.tokenOf(address.run) : null;
          Object.assign(session, { id: address.run, token, start: null });
          live.attach(address.run, token);
          return;
        }
        const mine = await recall();
        if (mine) {
          Object.assign(session, { id: mine.id, token: mine.token });
          owned.add(mine.id, mine.token);
          live.attach(mine.id, mine.token);
          return;
        }
        await openFirst(experiment, address.config, address.changes);
      } catch (error) {
        fail(error);
      }
    },
    /**
     * Open another run in place of this one, which is left (`leave`). It belongs to the same experiment if its networks
     * are still those.
     * @param {Partial<Config>} config
     * @param {Extra & { changes?: Change[] }} [options] `changes` are made again, each at its step.
     */
    async newRun(config, { changes = [], ...extra } = {}) {
      const { run, experiment: now, experiments, revealed } = store.state;
      const end = leave();
      const name = extra.experiment === undefined && now && belongs(config, now) ? now.id : (extra.experiment ?? null);
      const experiment = experiments.find((each) => each.id === name);
      const play = !lesson && (!experiment?.guess || (run?.experiment === name && revealed));
      const speed = run ? run.steps_per_second : FIRST_SPEED;
      await open(config, changes, { speed, play }, { ...(experiment ? extraOf(experiment) : {}), ...extra });
      end();
    },
    /**
     * Open a run in place of this one that goes on from one of its steps; this one stays as it is.
     * @param {number} step
     * @param {{ changesUntil?: number, play?: boolean }} [options] Without the first, the changes until that step are taken along.
     */
    async fork(step, { changesUntil = step, play = false } = {}) {
      const { run, role } = store.state;
      const mine = role === "owner" ? session.token : null;
      if (run) {
        const { id, token } = await api.fork(run.id, step, changesUntil);
        guesses.move(run.id, id);
        attach(id, token, { speed: run.steps_per_second, play });
        if (mine) {
          api.change(run.id, mine, { state: "paused" }).catch(() => {}); // it is paused by itself soon
        }
        notify("info", `A new run goes on from step ${formatCount(step)}. The one before stays as it is.`);
      }
    },
    /**
     * Open a run that was saved as a file in place of this one: the same from step 0 on, with all its changes.
     * @param {Blob} file
     */
    async openRecord(file) {
      const { run } = store.state;
      const end = leave();
      const { id, token, experiment: name } = await api.openRecord(file);
      const asks = name !== null && Boolean((await experimentCalled(name))?.guess);
      attach(id, token, { speed: run ? run.steps_per_second : FIRST_SPEED, play: !asks });
      end();
    },
    /**
     * Links to this run: one that reproduces it, and whether it holds all the changes; one that watches it.
     * @returns {{ reproduce: string, complete: boolean, watch: string, record: string } | null} `record` is where the
     *   run is as a file.
     */
    links() {
      const { run, schema } = store.state;
      if (!run || !schema) {
        return null;
      }
      const page = window.location.origin + pathOf(store.state.experiment, window.location.pathname);
      const { search, complete } = link(schema, run);
      const id = encodeURIComponent(run.id);
      const record = addressOf(`api/runs/${id}/record?download=1`);
      return { reproduce: page + search, complete, watch: `${page}?run=${id}`, record };
    },
  };
}
