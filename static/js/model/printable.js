// Characters that cannot be seen, or that change how others are seen: as trainer/printable.py has them.

const UNSEEN =
  /\u034f|[\p{Cc}\p{Cs}\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\uffff\u{e0000}-\u{e0fff}]/gu;

/**
 * Whether a text is one line of characters that can be seen, and not only of blanks.
 * @param {string} text
 */
export function isPrintable(text) {
  return text.trim() !== "" && text.search(UNSEEN) < 0;
}

/**
 * A text with the numbers of what cannot be seen in it: it can be quoted, and turns nothing around it.
 * @param {string} text
 */
export function visible(text) {
  return text.replace(UNSEEN, (each) => `\\u{${each.codePointAt(0)?.toString(16)}}`);
}
