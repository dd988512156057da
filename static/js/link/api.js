// The server's REST interface.

/** @import { Change, Config, Decisions, Experiment, Frame, Reading, Run, RunList, Schema, Table } from "../types.js" */

import { addressOf } from "../base/addresses.js";
import { split } from "./frames.js";

/**
 * What a run is opened with beside its knobs: the experiment that it belongs to, the step at which it pauses by itself, what it
 * searches, what is followed at first.
 * @typedef {{ experiment?: string | null, stop_at?: number | null, search?: object | null, follow?: Partial<Run["follow"]> | null }} Extra
 */

const FILE = "application/octet-stream";

/** What an answer means that something between the browser and the lab gave, by its status. @type {Record<number, string>} */
const BETWEEN = {
  401: "it wants you to sign in first",
  403: "it does not let this through",
  404: "it knows no such address: is the lab still where this page came from?",
  407: "it wants you to sign in first",
  408: "it waited too long for what was sent",
  413: "it takes less at once than was sent, however much the lab itself would take; whoever runs it can raise that limit",
  414: "it takes only shorter addresses",
  429: "it takes no more requests for now",
  502: "it does not reach the lab right now; try again in a moment",
  503: "it does not reach the lab right now; try again in a moment",
  504: "the lab did not answer it in time; try again in a moment",
};
const PASSING = [408, 429, 502, 503, 504]; // may be better in a moment

/** What the server refused, in its own words. */
export class ApiError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {string | null} [knob] The knob whose value was refused.
   * @param {Reading | null} [reading] Of a table that was refused: what is known of it all the same.
   */
  constructor(code, message, knob = null, reading = null) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.knob = knob;
    this.reading = reading;
  }
}

/** An answer that is not the lab’s: a proxy’s, a firewall’s, or that of a network that asks to sign in. */
export class BetweenError extends ApiError {
  /** @param {number} status */
  constructor(status) {
    const why =
      status < 400 ? "with a page of its own; a network that asks to sign in does that" : `with status ${status}`;
    const meaning = BETWEEN[status] ? `: ${BETWEEN[status]}` : "";
    super("between", `Something between this page and the lab, such as a proxy, answered ${why}${meaning}.`);
    this.name = "BetweenError";
    this.status = status;
    this.passing = PASSING.includes(status);
  }
}

/**
 * Make an error of the server's one shape, `{code, message, knob?}`.
 * @param {*} error
 */
export function apiError(error) {
  const { code = "internal", message = "the server gave no reason", knob = null, reading = null } = error ?? {};
  return new ApiError(code, message, knob, reading);
}

/**
 * Whether the body of an answer is a refusal of the lab’s own: its one shape is in docs/protocol.md.
 * @param {*} body
 */
function isRefusal(body) {
  return typeof body?.error?.code === "string" && typeof body.error.message === "string";
}

/**
 * Ways to ask the server: for an answer, or for the JSON that it holds.
 * @param {typeof globalThis.fetch} fetch
 */
export function createCalls(fetch) {
  /**
   * @param {string} path From the lab on.
   * @param {RequestInit} [options]
   */
  async function ask(path, options) {
    const answer = await fetch(addressOf(path), { headers: { "Content-Type": "application/json" }, ...options });
    if (!answer.ok) {
      const body = await answer.json().catch(() => null);
      throw isRefusal(body) ? apiError(body.error) : new BetweenError(answer.status);
    }
    return answer;
  }

  /**
   * @param {string} path
   * @param {RequestInit} [options]
   */
  async function call(path, options) {
    const answer = await ask(path, options);
    try {
      return await answer.json();
    } catch (error) {
      throw error instanceof SyntaxError ? new BetweenError(answer.status) : error; // else it broke off on its way
    }
  }

  return { ask, call };
}

/**
 * @param {typeof globalThis.fetch} fetch
 */
export function createApi(fetch) {
  const { ask, call } = createCalls(fetch);

  /**
   * @param {string} id
   * @param {number} lane
   * @param {string} framework
   */
  const codePath = (id, lane, framework) =>
    `api/runs/${encodeURIComponent(id)}/code?${new URLSearchParams({ framework, lane: String(lane) })}`;

  return {
    /** @returns {Promise<Schema>} */
    schema: () => call("api/schema"),
    /** @returns {Promise<Experiment[]>} */
    experiments: () => call("api/experiments"),
    /**
     * @param {Partial<Config>} config
     * @param {readonly Change[]} [changes] To be replayed, each at its step.
     * @param {Extra} [extra]
     * @returns {Promise<{ id: string, token: string, config: Config }>}
     */
    open(config, changes = [], extra = {}) {
      const said = Object.entries(extra).filter(([, value]) => value !== null && value !== undefined);
      const whole = { ...config, ...(changes.length > 0 ? { changes } : {}), ...Object.fromEntries(said) };
      return call("api/runs", { method: "POST", body: JSON.stringify(whole) });
    },
    /**
     * Open a run that was saved as a file.
     * @param {Blob} file
     * @returns {Promise<{ id: string, token: string, config: Config, experiment: string | null }>}
     */
    openRecord: (file) => call("api/runs", { method: "POST", body: file }),
    /**
     * What there is to tell of runs, without opening any.
     * @param {readonly { id: string, token: string }[]} runs
     * @returns {Promise<RunList>}
     */
    mine: (runs) => call("api/runs/mine", { method: "POST", body: JSON.stringify({ runs }) }),
    /**
     * Name a run, pin it, or have it stand still.
     * @param {string} id
     * @param {string} token
     * @param {{ name?: string | null, pinned?: boolean, state?: "paused" }} values
     */
    change: (id, token, values) =>
      call(`api/runs/${encodeURIComponent(id)}`, {
        method: "PATCH",
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
        body: JSON.stringify(values),
      }),
    /**
     * End a run for good, and know that it is done.
     * @param {string} id
     * @param {string} token
     */
    remove: (id, token) =>
      ask(`api/runs/${encodeURIComponent(id)}`, { method: "DELETE", headers: { Authorization: `Bearer ${token}` } }),
    /**
     * Open a run that was taken away as a file.
     * @param {Blob} file
     * @returns {Promise<{ id: string, token: string, name: string | null, step: number, experiment: string | null }>}
     */
    bring: (file) => call("api/runs/file", { method: "POST", body: file, headers: { "Content-Type": FILE } }),
    /**
     * @param {string} id
     * @returns {Promise<Run>}
     */
    run: (id) => call(`api/runs/${encodeURIComponent(id)}`),
    /**
     * Old steps of a run: the masks of some, or the pictures of one.
     * @param {string} id
     * @param {{ step?: number, first?: number, count?: number, lane?: number, example?: number }} wanted
     * @param {AbortSignal} signal
     * @returns {Promise<Frame[]>}
     */
    async past(id, wanted, signal) {
      const numbers = Object.entries(wanted).map(([name, value]) => [name, String(value)]);
      const answer = await ask(`api/runs/${encodeURIComponent(id)}/past?${new URLSearchParams(numbers)}`, { signal });
      if (!/octet-stream/.test(answer.headers.get("content-type") ?? "")) {
        throw new BetweenError(answer.status);
      }
      return split(await answer.arrayBuffer());
    },
    /**
     * What a run was evaluated to so far.
     * @param {string} id
     * @returns {Promise<{ step: number[], val_loss: (number | null)[][] }>}
     */
    curves: (id) => call(`api/runs/${encodeURIComponent(id)}/record`).then(({ scores }) => scores),
    /**
     * Open a run that goes on from a step of another one.
     * @param {string} run
     * @param {number} step
     * @param {number} changesUntil The last step whose changes it takes along.
     * @returns {Promise<{ id: string, token: string, config: Config }>}
     */
    fork(run, step, changesUntil) {
      const fork = { run, step, changes_until: changesUntil };
      return call("api/runs", { method: "POST", body: JSON.stringify({ fork }) });
    },
    /**
     * A script that trains a lane as it is configured now.
     * @param {string} id
     * @param {number} lane
     * @param {string} framework `pytorch` or `keras`
     */
    async code(id, lane, framework) {
      const path = codePath(id, lane, framework);
      const answer = await ask(path);
      if (!/python/.test(answer.headers.get("content-type") ?? "")) {
        throw new BetweenError(answer.status);
      }
      return { text: await answer.text(), download: addressOf(`${path}&download=1`) };
    },
    /**
     * @param {Blob} file
     * @param {string} name
     * @param {Decisions} [decisions]
     * @returns {Promise<Table>}
     */
    upload(file, name, decisions = {}) {
      const query = new URLSearchParams({ name });
      if (Object.keys(decisions).length > 0) {
        query.set("columns", JSON.stringify(decisions));
      }
      return call(`api/tables?${query}`, { method: "POST", body: file, headers: { "Content-Type": "text/csv" } });
    },
    /**
     * The file of a table, read as a reader decided: another table.
     * @param {string} id
     * @param {Decisions} decisions
     * @returns {Promise<Table>}
     */
    readAgain(id, decisions) {
      const body = JSON.stringify({ columns: decisions });
      return call(`api/tables/${encodeURIComponent(id)}`, { method: "POST", body });
    },
    /**
     * @param {string} id
     * @returns {Promise<Table>}
     */
    table: (id) => call(`api/tables/${encodeURIComponent(id)}`),
    /**
     * End a run. It must reach the server even when the page is about to go.
     * @param {string} id
     * @param {string} token
     */
    end: (id, token) =>
      fetch(addressOf(`api/runs/${encodeURIComponent(id)}`), {
        method: "DELETE",
        headers: { Authorization: `Bearer ${token}` },
        keepalive: true,
      }),
  };
}
