// What views may ask for.

/** @import { Actions, Run, Store, Table } from "../types.js" */

import { coalesce } from "../base/coalesce.js";
import { refusedOf, refusedRun } from "../model/exercise.js";
import { emptyDraft } from "../state/draft.js";
import { turnsOf } from "../words/changes.js";

/**
 * @param {object} options
 * @param {Store} options.store
 * @param {ReturnType<typeof import("./session.js").createSession>} options.session
 * @param {ReturnType<typeof import("./api.js").createApi>} options.api
 * @param {Actions["notify"]} options.notify
 * @returns {Actions}
 */
export function createActions({ store, session, api, notify }) {
  const { live } = session;
  const looking = { back: false }; // whether the run was paused for looking back

  /**
   * Say what went wrong. A connection that is away comes back, and the head of the page says how it stands: that word goes by itself.
   * @param {Error & { code?: string }} error
   */
  const tell = (error) => notify(error.code === "disconnected" ? "info" : "error", error.message);

  /** @param {Record<string, *>} command */
  const command = (command) =>
    live.send(command).catch((error) => {
      tell(error);
      return null;
    });
  const setSoon = coalesce((_key, { lane, knobs }) =>
    live.send({ op: "set", ...(lane === null ? {} : { lane }), knobs }),
  );

  /** @param {Table} table */
  const know = (table) => store.update("tables", { tables: { ...store.state.tables, [table.id]: table } });

  /**
   * Whether an answer to the exercise has to be chosen first; then it is said.
   */
  function waits() {
    const { exercise, answer } = store.state;
    const first = Boolean(exercise?.first) && answer === null;
    if (first) {
      notify("info", "Choose an answer first: then the run starts.");
    }
    return first;
  }

  /**
   * Say that an exercise leaves some knobs as they are.
   * @param {string[]} names
   */
  function refuse(names) {
    const { schema } = store.state;
    const knobs = [...(schema?.run ?? []), ...(schema?.lane ?? [])];
    const labels = names.map((name) => knobs.find((knob) => knob.name === name)?.label ?? name);
    const error = new Error(`This exercise leaves ${labels.join(", ")} as it is.`);
    notify("error", error.message);
    return error;
  }

  /** Refuse what would bring another run in place of that of the exercise. */
  function keepRun() {
    if (store.state.exercise) {
      throw new Error("This exercise has its own run and data. Open the lab without it for others.");
    }
  }

  /** Leave the past, without going on. */
  function present() {
    looking.back = false;
    store.update("cursor", { cursor: null });
  }

  /**
   * Go over to another run.
   * @param {() => Promise<void>} open
   */
  async function leaveFor(open) {
    try {
      await open();
      present();
      store.update("draft", { draft: emptyDraft() });
    } catch (error) {
      notify("error", /** @type {Error} */ (error).message);
    }
  }

  return {
    async play() {
      if (waits()) {
        return null;
      }
      present();
      return command({ op: "play" });
    },
    pause: () => command({ op: "pause" }),
    async step(count = 1) {
      if (waits()) {
        return null;
      }
      present();
      return command({ op: "step", count });
    },
    speed: (stepsPerSecond) => command({ op: "speed", steps_per_second: stepsPerSecond }),
    async set(lane, knobs) {
      const { exercise } = store.state;
      const refused = exercise ? refusedOf(exercise, lane, knobs) : [];
      if (refused.length > 0) {
        throw refuse(refused);
      }
      try {
        const step = await setSoon(`${lane}/${Object.keys(knobs).sort().join()}`, { lane, knobs });
        assume(store, lane, knobs);
        return step;
      } catch (error) {
        tell(/** @type {Error} */ (error));
        throw error;
      }
    },
    follow: (follow) => command({ op: "follow", ...follow }),
    reset() {
      present();
      return command({ op: "reset" });
    },
    async newRun(config, extra = {}) {
      const { exercise, run } = store.state;
      const refused = exercise && run ? refusedRun(exercise, run.config, config) : [];
      if (refused.length > 0) {
        refuse(refused);
        return;
      }
      present();
      try {
        await session.newRun(config, extra);
        store.update("draft", { draft: emptyDraft() });
      } catch (error) {
        notify("error", /** @type {Error} */ (error).message);
      }
    },
    views: (open) => session.views(open),
    ensemble: (ensemble) => command({ op: "ensemble", ...ensemble }),
    ask: (x, lane) => live.ask({ op: "ask", x, ...(lane === undefined ? {} : { lane }) }),
    scrub(step) {
      const { run, role } = store.state;
      if (step !== null && run?.state === "playing" && role === "owner" && !looking.back) {
        looking.back = true;
        command({ op: "pause" });
      } else if (step === null && looking.back) {
        looking.back = false;
        command({ op: "play" });
      }
      store.update("cursor", { cursor: step });
    },
    async fork(step) {
      const { run } = store.state;
      const play = looking.back || run?.state === "playing";
      await leaveFor(() => session.fork(step, { play }));
    },
    async undo() {
      const { run, schema, steps } = store.state;
      const turn = run && schema ? turnsOf(run, schema, steps.last).at(-1) : null;
      if (run && turn) {
        const step = turn.first - 1;
        const play = looking.back || run.state === "playing";
        await leaveFor(() => session.fork(step, { changesUntil: step, play }));
      }
    },
    async upload(file, name, decisions) {
      keepRun();
      const table = await api.upload(file, name, decisions);
      know(table);
      return table;
    },
    async readAgain(id, decisions) {
      keepRun();
      const table = await api.readAgain(id, decisions);
      know(table);
      return table;
    },
    async table(id) {
      if (!store.state.tables[id]) {
        await api.table(id).then(know, () => {});
      }
      return store.state.tables[id] ?? null;
    },
    async openRecord(file) {
      keepRun();
      present();
      await session.openRecord(file);
      store.update("draft", { draft: emptyDraft() });
    },
    answer: (answer) => session.answer(answer),
    code: (lane, framework) => api.code(store.state.run?.id ?? "", lane, framework),
    notify,
  };
}

/**
 * Show what was acknowledged before the server's `changed` comes; that one is the truth.
 * @param {Store} store
 * @param {number | null} lane
 * @param {Record<string, *>} knobs
 */
function assume(store, lane, knobs) {
  const run = /** @type {Run | null} */ (store.state.run);
  if (!run) {
    return;
  }
  const { config } = run;
  const lanes = config.lanes.map((each, index) => (index === lane ? { ...each, ...knobs } : each));
  store.update("run", { run: { ...run, config: lane === null ? { ...config, ...knobs } : { ...config, lanes } } });
}
