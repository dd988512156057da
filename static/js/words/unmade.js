// What is said in the place of a view that the server could not make.

/**
 * @param {string} reason In the server's words.
 */
export const unmadeWords = (reason) =>
  `The server could not make this picture of the run as it is now (${reason}). It tries again when a knob moves, another example or network is selected, or the run starts anew; all else goes on.`;
