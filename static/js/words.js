// What the charts show, said in words and numbers: pure functions of plain numbers, one room for each chart. Each sentence
// follows from its arguments; none is said that the numbers do not bear out.

export { accuracySentence } from "./words/accuracy.js";
export { layerLabel, setApart } from "./words/common.js";
export { ensembleSentence, exampleWords, membersToReach, shortNames, votesSentence } from "./words/ensemble.js";
export { keptHeading, keptSentence } from "./words/kept.js";
export { lossSentence } from "./words/loss.js";
