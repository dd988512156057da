// Server-sent events, read from text as it arrives: `EventSource` could not send the owner's token in a header.

/**
 * Make a reader of a stream of events.
 * @param {{ onEvent: (name: string, data: string) => void, onComment: () => void }} listener
 * @returns {(text: string) => void} Takes the next piece of the stream, wherever it was cut.
 */
export function createEventReader({ onEvent, onComment }) {
  const state = { rest: "", name: "message", data: "" };

  /** @param {string} line */
  function take(line) {
    if (line === "") {
      if (state.data !== "") {
        onEvent(state.name, state.data);
      }
      Object.assign(state, { name: "message", data: "" });
    } else if (line.startsWith(":")) {
      onComment();
    } else if (line.startsWith("event: ")) {
      state.name = line.slice(7);
    } else if (line.startsWith("data: ")) {
      state.data += line.slice(6);
    }
  }

  return (text) => {
    const lines = (state.rest + text).split("\n");
    state.rest = lines.pop() ?? "";
    for (const line of lines) {
      take(line.endsWith("\r") ? line.slice(0, -1) : line);
    }
  };
}

/**
 * The bytes that a frame's event carries.
 * @param {string} text Base64.
 * @returns {ArrayBuffer}
 */
export function bytesOf(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let place = 0; place < binary.length; place += 1) {
    bytes[place] = binary.charCodeAt(place);
  }
  return bytes.buffer;
}
