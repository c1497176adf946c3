/** Words by which a message goes on from the one before: at its beginning, or anywhere. In the languages that people ask in. */
const atBeginning =
  "and|or|but|then|why|und|oder|aber|dann|warum|wieso|et|ou|mais|alors|pourquoi|y|o|pero|entonces|e|ma|allora|perché";
const anywhere =
  "that|this|those|these|they|them|one|ones|other|others|another|same|instead|else|again|dies|diese[mnrs]?|andere[mnrs]?|dort|davon|damit|dafür|nochmal|stattdessen|ça|cela|ceci|celui|celle|autre|eso|esto|otro|otra|quello|questo|altro";

const pointing = new RegExp(
  `^[^\\p{L}]*(?:${atBeginning})(?![\\p{L}\\p{N}])|(?<![\\p{L}\\p{N}])(?:${anywhere})(?![\\p{L}\\p{N}])`,
  "iu",
);

/** What it points at stands in a first sentence; in a long text these words point at something in it. */
const maxChars = 80;

export function pointsBack(text: string): boolean {
  return pointing.test(text.slice(0, maxChars));
}
