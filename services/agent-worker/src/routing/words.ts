/** Words of questions and of politeness: they say nothing about what a text is about. */
const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    "a about again all also am an and any are as at be because been before being but by can could did do does doing done for from " +
    "get give go got had has have having he hello her here hey hi him his how i if im in into is it its just know let like me " +
    "much many my need no not now of ok on or our out please she so some tell than thank thanks that the their them then there " +
    "these they this those to too us very want was we were what when where whether which while who why will with would yes you " +
    "your show see look two three few lot shall should may might must one still already actually really explain describe find " +
    "keep keeps keeping make makes made making take takes taking come comes came use using used happen happens something any anything " +
    "ain aren couldn didn doesn don hasn haven isn ll shouldn ve wasn weren won wouldn"
  ).split(" "),
);

/** A longer run of letters is no word but data, and a fuzzy search for it would take seconds. */
const MAX_WORD_CHARS = 40;

/**
 * The words of a text that say what it is about, in their order, reduced to stems: what the router and the search compare.
 * A name in mixed case counts as a whole and by its parts (CrashLoopBackOff: crashloopbackoff, crash, loop, back).
 */
export function wordsOf(text: string): string[] {
  const tokens = text.normalize("NFKC").match(/[\p{L}\p{N}]+/gu) ?? [];
  return tokens
    .flatMap((token) => [token, ...partsOf(token)])
    .map((token) => token.toLowerCase())
    .filter((word) => word.length <= MAX_WORD_CHARS && !STOP_WORDS.has(word) && !/^[a-z]$/.test(word))
    .map(stem);
}

/** Most words have no capital behind their beginning, and the look for places to cut costs more than all else of a message. */
const innerCapital = /.\p{Lu}/u;

function partsOf(token: string): string[] {
  if (!innerCapital.test(token)) return [];
  const parts = token.split(/(?<=\p{Ll})(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/u);
  return parts.length < 2 ? [] : parts.filter((part) => part.length > 2);
}

/** Cuts English endings, so that "changing", "changed" and "change" are one word. Rough on purpose: both sides are cut alike. */
function stem(word: string): string {
  if (word.length < 4 || !/^[a-z]+$/.test(word)) return word;
  const singular = word
    .replace(/ies$/, "y")
    .replace(/(?<=ss|x|ch|sh)es$/, "")
    .replace(/(?<![su])s$/, "");
  const base = singular.replace(/(?<=[a-z]{3})(?:ing|ed)$/, "");
  const undoubled = base === singular ? base : base.replace(/([bdfgmnprt])\1$/, "$1");
  return undoubled.length > 3 ? undoubled.replace(/e$/, "") : undoubled;
}
