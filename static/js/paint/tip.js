// The small box that says what is under the pointer.

/**
 * @param {HTMLElement} parent Positioned; places are pixels from its upper left corner.
 * @param {Document} document
 */
export function createTip(parent, document) {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true"); // the same words are in the text under the picture
  parent.append(tip);

  return {
    /**
     * @param {string} words
     * @param {number} x
     * @param {number} y
     */
    show(words, x, y) {
      if (tip.textContent !== words) {
        tip.textContent = words;
      }
      tip.hidden = false;
      const { offsetWidth, offsetHeight } = tip;
      const left = Math.max(0, Math.min(x + 12, parent.clientWidth - offsetWidth));
      const top = y - offsetHeight - 10;
      tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top < 0 ? y + 18 : top)}px)`;
    },
    hide() {
      tip.hidden = true;
    },
  };
}
