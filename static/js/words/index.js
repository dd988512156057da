// What the charts show, said in words and numbers: pure functions of plain numbers, one room for each chart. Each sentence
// follows from its arguments; none is said that the numbers do not bear out.

export { accuracySentence } from "./accuracy.js";
export { filled, layerLabel, setApart } from "./common.js";
export { ensembleSentence, exampleWords, membersToReach, shortNames, votesSentence } from "./ensemble.js";
export { keptHeading, keptSentence } from "./kept.js";
export { lossSentence } from "./loss.js";
