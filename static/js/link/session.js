// Which run this page shows: opened for it, found again after a reload, or watched.

/** @import { Extra } from "./api.js" */
/** @import { Change, Config, Exercise, Experiment, Run, Schema, Store } from "../types.js" */

import { addressOf } from "../base/addresses.js";
import { find } from "../base/dom.js";
import { givenIn } from "../base/given.js";
import { inSight } from "../base/seen.js";
import { createStorage } from "../base/storage.js";
import { addChanges } from "../model/changes.js";
import { EMBED } from "../model/embed.js";
import { EXERCISE } from "../model/exercise.js";
import { belongs, experimentIn, extraOf, pathOf } from "../model/experiments.js";
import { formatCount } from "../model/stats.js";
import { createAnswers } from "../state/answers.js";
import { guessesOf } from "../state/guesses.js";
import { ingestFrame, ingestRun } from "./ingest.js";
import { createLive } from "./live.js";
import { createOwned, OWN } from "./owned.js";
import { createPatience } from "./patience.js";
import { joined, keptIn, MAX_LENGTH, read, write, writeWithin } from "./url.js";

const KEY = "dropout-lab-run"; // one run for each tab
const FIRST_SPEED = 100; // steps/s: the story of the default run takes ten seconds
const OF_CONFIGURATION = ["bad_value", "unknown_knob", "bad_table", "internal"]; // refusals that another one may not meet
const URL_EVERY = 1000; // ms; browsers refuse to have the address rewritten more than some three times a second

/**
 * Links to a run. `record` is where it is as a file, `whole` the page that shows it and is no frame, `afresh` one that opens a run
 * of no experiment with the knobs as they are now.
 * @typedef {{ reproduce: string, complete: boolean, watch: string, record: string, whole: string, afresh: string }} Links
 */

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
  const answers = createAnswers(() => window.sessionStorage);
  // In a frame of somebody else’s page the run is that of the frame: nothing is remembered of it, and it ends with the frame.
  const embedded = window.document.documentElement.dataset.embed !== undefined;
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
   * Know which experiment a run belongs to, and whether its answer may be seen. An exercise takes the place of an experiment.
   * @param {Run} run
   */
  async function settle(run) {
    const id = store.state.exercise ? null : (run.experiment ?? null);
    const experiment = id === null ? null : await experimentCalled(id);
    if (store.state.run?.id === run.id) {
      const revealed = (!asks(experiment) || guesses.get(run.id) !== null) && !waits();
      store.update("experiment", { experiment, revealed });
    }
  }

  /**
   * Whether a guess is wanted before an experiment runs. In a frame there is no place for it.
   * @param {Experiment | null | undefined} experiment
   */
  const asks = (experiment) => Boolean(experiment?.guess) && !embedded;

  /** Whether an answer to the exercise has to be chosen first. */
  const waits = () => Boolean(store.state.exercise?.first) && store.state.answer === null;

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
      const play = start.play ? [{ op: "play" }] : [];
      const commands = [{ op: "speed", steps_per_second: start.speed }, ...(embedded ? [] : play)];
      Promise.all(commands.map((command) => live.send(command))).catch((error) => notify("error", error.message));
      if (embedded && start.play) {
        playInSight(session.id);
      }
    }
  }

  /**
   * Have a run begin once its frame is scrolled to, so that nobody comes too late, unless it has been moved by then.
   * @param {string} id
   */
  async function playInSight(id) {
    await inSight(window, find(window.document, "#toolbar"));
    const { run } = store.state;
    if (run?.id === id && run.state === "paused" && run.step === 0) {
      live.send({ op: "play" }).catch((error) => notify("error", error.message));
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
    own(id, token);
    live.attach(id, token);
  }

  /**
   * Remember that this browser opened a run.
   * @param {string} id
   * @param {string} token
   */
  function own(id, token) {
    if (!embedded) {
      owned.add(id, token);
    }
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
    const isKept = Boolean(run?.keep_days) && !run?.unkept && !embedded;
    const stays = isKept && Math.max(run?.step ?? 0, steps.last) > 0;
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
    const start = { speed, play: !(fits && asks(experiment)) && !waits() && !lesson };
    try {
      const follow = lesson && lesson.follow !== null ? { lane: lesson.follow } : null;
      await open(config, changes, start, fits ? extraOf(experiment) : { follow });
    } catch (error) {
      const { code = "", message } = /** @type {import("./api.js").ApiError} */ (error);
      if (!OF_CONFIGURATION.includes(code)) {
        throw error; // the usual one would be refused as well
      }
      const usual = { speed: start.speed, play: !asks(experiment) && !waits() && !lesson };
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
    const search = joined(kept(), link(schema, run).search);
    const place = pathOf(store.state.experiment, path);
    if (place + search !== path + query) {
      window.history.replaceState(window.history.state, "", place + search + (lesson ? window.location.hash : ""));
    }
    if (!embedded) {
      storage.set(KEY, JSON.stringify({ path: place, search, id: session.id, token: session.token }));
    }
  }

  /** What of the address is the page’s, and stays. */
  function kept() {
    const names = [...(embedded ? [EMBED] : []), ...(store.state.exercise ? [EXERCISE] : [])];
    return keptIn(window.location.search, names);
  }

  function rememberSoon() {
    session.urlTimer ??= window.setTimeout(remember, URL_EVERY);
  }
  window.addEventListener("pagehide", ({ persisted }) => {
    remember();
    const { id, token } = session;
    if (embedded && !persisted && token && store.state.role === "owner") {
      api.end(id, token).catch(() => {}); // nobody could come back to it; else it expires by itself
    }
  });

  /**
   * @param {Schema} schema
   * @param {Run} run
   */
  function link(schema, run) {
    const usual = store.state.experiment?.config ?? lesson?.config;
    if (run.search && usual) {
      return { search: write(schema, { ...run.first_config, lanes: usual.lanes }, [], usual), complete: true };
    }
    const whole = writeWithin(schema, run.first_config, run.changes, usual, MAX_LENGTH - kept().length - 1);
    return { search: whole ?? write(schema, run.config, [], usual), complete: whole !== null };
  }

  /** The run that this tab had before a reload, if the address is still its own and the server still has it. */
  async function recall() {
    const mine = remembered();
    const { pathname, search } = window.location;
    if (embedded || mine?.path !== pathname || mine.search !== search) {
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

  /**
   * Take in the exercise of the address, or that it has none.
   * @param {Exercise | null} exercise
   */
  function know(exercise) {
    const root = window.document.documentElement;
    const text = new URLSearchParams(window.location.search).get(EXERCISE) ?? "";
    const answer = exercise && answers.get(text, exercise.choices.length);
    store.update("exercise", { exercise, answer });
    if (exercise) {
      store.update("experiment", { revealed: !waits() });
    } else {
      delete root.dataset.exercise; // exercise-boot.js took it for one
      delete root.dataset.exercisePanels;
    }
  }

  return {
    live,
    /**
     * Answer the exercise.
     * @param {number} answer
     */
    answer(answer) {
      answers.set(new URLSearchParams(window.location.search).get(EXERCISE) ?? "", answer);
      store.update("exercise", { answer });
      store.update("experiment", { revealed: true });
    },
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
        const its = name === null ? null : await experimentCalled(name);
        const address = read(schema, window.location.search, its?.config ?? lesson?.config);
        const experiment = address.exercise ? null : its; // which then gives its configuration, and nothing else
        store.update("experiment", { experiment });
        know(address.exercise);
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
          own(mine.id, mine.token);
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
      const play = !lesson && (!asks(experiment) || (run?.experiment === name && revealed)) && !waits();
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
      const play = name === null || !asks(await experimentCalled(name));
      attach(id, token, { speed: run ? run.steps_per_second : FIRST_SPEED, play });
      end();
    },
    /**
     * Links to this run: one that reproduces it, and whether it holds all the changes; one that watches it.
     * @returns {Links | null}
     */
    links() {
      const { run, schema, role } = store.state;
      if (!run || !schema) {
        return null;
      }
      const page = window.location.origin + pathOf(store.state.experiment, window.location.pathname);
      const { search, complete } = link(schema, run);
      const id = encodeURIComponent(run.id);
      const record = addressOf(`api/runs/${id}/record?download=1`);
      const own = keptIn(window.location.search, store.state.exercise ? [EXERCISE] : []);
      const free = window.location.origin + pathOf(null, window.location.pathname);
      return {
        ...{ reproduce: page + search, complete, watch: `${page}?run=${id}`, record },
        whole: page + joined(own, role === "owner" ? search : `?run=${id}`),
        afresh: free + write(schema, run.config, []),
      };
    },
  };
}
