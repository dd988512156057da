// The server's REST interface.

/** @import { Change, Config, Experiment, Run, Schema, Table } from "./types.js" */

/**
 * What a run is opened with beside its knobs: the experiment that it belongs to, the step at which it pauses by itself, what it
 * searches, what is followed at first.
 * @typedef {{ experiment?: string | null, stop_at?: number | null, search?: object | null, follow?: Partial<Run["follow"]> | null }} Extra
 */

/** What the server refused, in its own words. */
export class ApiError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {string | null} [knob] The knob whose value was refused.
   */
  constructor(code, message, knob = null) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.knob = knob;
  }
}

/**
 * Make an error of the server's one shape, `{code, message, knob?}`.
 * @param {*} error
 */
export function apiError(error) {
  return new ApiError(error?.code ?? "internal", error?.message ?? "the server gave no reason", error?.knob ?? null);
}

/**
 * @param {typeof globalThis.fetch} fetch
 */
export function createApi(fetch) {
  /**
   * @param {string} path
   * @param {RequestInit} [options]
   */
  async function ask(path, options) {
    const answer = await fetch(path, { headers: { "Content-Type": "application/json" }, ...options });
    if (!answer.ok) {
      const body = await answer.json().catch(() => ({}));
      throw apiError(body.error ?? { code: "internal", message: `the server answered ${answer.status}` });
    }
    return answer;
  }

  /**
   * @param {string} path
   * @param {RequestInit} [options]
   */
  const call = async (path, options) => (await ask(path, options)).json().catch(() => ({}));

  /**
   * @param {string} id
   * @param {number} lane
   * @param {string} framework
   */
  const codePath = (id, lane, framework) =>
    `/api/runs/${encodeURIComponent(id)}/code?${new URLSearchParams({ framework, lane: String(lane) })}`;

  return {
    /** @returns {Promise<Schema>} */
    schema: () => call("/api/schema"),
    /** @returns {Promise<Experiment[]>} */
    experiments: () => call("/api/experiments"),
    /**
     * @param {Partial<Config>} config
     * @param {readonly Change[]} [changes] To be replayed, each at its step.
     * @param {Extra} [extra]
     * @returns {Promise<{ id: string, token: string, config: Config }>}
     */
    open(config, changes = [], extra = {}) {
      const said = Object.entries(extra).filter(([, value]) => value !== null && value !== undefined);
      const whole = { ...config, ...(changes.length > 0 ? { changes } : {}), ...Object.fromEntries(said) };
      return call("/api/runs", { method: "POST", body: JSON.stringify(whole) });
    },
    /**
     * @param {string} id
     * @returns {Promise<Run>}
     */
    run: (id) => call(`/api/runs/${encodeURIComponent(id)}`),
    /**
     * A script that trains a lane as it is configured now.
     * @param {string} id
     * @param {number} lane
     * @param {string} framework `pytorch` or `keras`
     */
    async code(id, lane, framework) {
      const path = codePath(id, lane, framework);
      return { text: await (await ask(path)).text(), download: `${path}&download=1` };
    },
    /**
     * @param {Blob} file
     * @param {string} name
     * @param {string | null} label The column to be learnt; `null`: the last.
     * @returns {Promise<Table>}
     */
    upload(file, name, label) {
      const query = new URLSearchParams({ name, ...(label === null ? {} : { label }) });
      return call(`/api/tables?${query}`, { method: "POST", body: file, headers: { "Content-Type": "text/csv" } });
    },
    /**
     * @param {string} id
     * @returns {Promise<Table>}
     */
    table: (id) => call(`/api/tables/${encodeURIComponent(id)}`),
    /**
     * End a run. It must reach the server even when the page is about to go.
     * @param {string} id
     * @param {string} token
     */
    end: (id, token) =>
      fetch(`/api/runs/${encodeURIComponent(id)}`, {
        method: "DELETE",
        headers: { Authorization: `Bearer ${token}` },
        keepalive: true,
      }),
  };
}
