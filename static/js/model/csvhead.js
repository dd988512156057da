// The first line of a table, read in the browser: the names of its columns, for the time before the server has made anything
// of it. The server reads the whole file, and its word counts.

const DELIMITERS = [",", ";", "\t", "|"];

/**
 * @param {Uint8Array} bytes The beginning of the file.
 * @returns {string[]} The names in its first line, none of them empty.
 */
export function firstRow(bytes) {
  const text = decode(bytes);
  const counts = DELIMITERS.map((delimiter) => cells(text, delimiter).length);
  const names = cells(text, DELIMITERS[counts.indexOf(Math.max(...counts))]);
  return [...new Set(names.map((name) => name.trim()).filter(Boolean))];
}

/** @param {Uint8Array} bytes */
function decode(bytes) {
  return new TextDecoder(encoding(bytes)).decode(bytes);
}

/**
 * UTF-16 says so by a mark, or gives itself away: every other byte of Latin letters and digits is zero.
 * @param {Uint8Array} bytes
 */
function encoding(bytes) {
  const [first, second] = bytes;
  const sample = bytes.subarray(0, 2000);
  /** @param {number} end */
  const zeros = (end) => sample.filter((byte, at) => at % 2 === end && byte === 0).length;
  const half = sample.length < 8 ? Number.POSITIVE_INFINITY : sample.length * 0.35;
  if ((first === 0xff && second === 0xfe) || zeros(1) > half) {
    return "utf-16le";
  }
  return (first === 0xfe && second === 0xff) || zeros(0) > half ? "utf-16be" : "utf-8";
}

/**
 * The cells of the first line. Within quotes a delimiter or the end of a line is text, and two quotes are one.
 * @param {string} text
 * @param {string} delimiter
 */
function cells(text, delimiter) {
  const found = [""];
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    if (letter === '"' && quoted && text[at + 1] === '"') {
      found[found.length - 1] += letter;
      at += 1;
    } else if (letter === '"') {
      quoted = !quoted;
    } else if (!quoted && (letter === "\n" || letter === "\r")) {
      break;
    } else if (!quoted && letter === delimiter) {
      found.push("");
    } else {
      found[found.length - 1] += letter;
    }
  }
  return found;
}
