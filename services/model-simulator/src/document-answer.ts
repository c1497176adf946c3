const MAX_SENTENCES = 3;
/** A Markdown heading that names them, or a line such as `Context:`; text may follow the colon. */
const HEADING =
  /(?:^|\n)(?:#{1,6}[^\n]*\b(?:context|documents|sources|knowledge|excerpts)\b[^\n]*\n|(?:\*\*)?(?:context|documents|sources|knowledge|excerpts)\b[^\n:.]{0,40}:(?:\*\*)?\s*)/i;
const SOURCE_LINE = /^(?:\[\d+\]|#{1,6}\s|source\s*:|document\s*:|file\s*:|---)\s*|<(?:document|source)\b/i;
const STOP_WORDS = new Set(
  "a an and are as at be but by can could did do does for from had has have how i if in is it its me my no not of on or our so tell that the their them there they this to was we were what when where which who why will with would you your about please much many".split(
    " ",
  ),
);

const NOTHING = /^\s*none fit the question\b/i;

type Sentence = { text: string; source: string; number: string; words: Set<string> };

/** The documents that the instructions carry, or undefined when they carry none. */
export function findDocuments(instructions: string): string | undefined {
  const heading = HEADING.exec(instructions);
  return heading === null ? undefined : instructions.slice(heading.index + heading[0].length);
}

/** The sentences that share the rarest words with the question, with where they stand; or that there are none. */
export function answerFromDocuments(question: string, documents: string): string {
  const sentences = NOTHING.test(documents) ? [] : readSentences(documents);
  const asked = wordsOf(question);
  const ranked = sentences
    .map((sentence, index) => ({ sentence, index, score: scoreOf(sentence, asked, sentences) }))
    .filter(({ score }) => score > 0)
    .toSorted((left, right) => right.score - left.score || left.index - right.index);
  const best = ranked[0]?.score ?? 0;
  const chosen = ranked.filter(({ score }) => score >= best * 0.6).slice(0, MAX_SENTENCES);
  if (chosen.length === 0) return "The documents do not say anything about that.";
  return chosen
    .toSorted((left, right) => left.index - right.index)
    .map(({ sentence: { text, source, number } }) => `${text}${cited(number)}${source === "" ? "" : ` (${source})`}`)
    .join("\n\n");
}

function cited(number: string): string {
  return number === "" ? "" : ` [${number}]`;
}

function readSentences(documents: string): Sentence[] {
  const sentences: Sentence[] = [];
  let [source, number] = ["", ""];
  for (const line of documents.split("\n").map((text) => text.trim())) {
    if (SOURCE_LINE.test(line)) {
      source = sourceName(line) || source;
      number =
        /^\[(\d+)\]|\bnumber="(\d+)"/
          .exec(line)
          ?.slice(1)
          .find((found) => found !== undefined) ?? number;
    } else
      for (const text of line.split(/(?<=[.!?])\s+(?=\S)/))
        if (text !== "") sentences.push({ text, source, number, words: wordsOf(text) });
  }
  return sentences;
}

function sourceName(line: string): string {
  const attribute = /\b(?:source|name|title|path)="([^"]+)"/.exec(line)?.[1];
  return (attribute ?? line.replace(SOURCE_LINE, "").replace(/[:#*\s]+$/, "")).slice(0, 120);
}

/** What stands in the title says what a sentence is about, which the sentence itself need not repeat. */
const TITLE_WEIGHT = 0.8;

/** At least two of the asked words (or the only one) must be there: one common word is no answer, but for one that the title has as well as the sentence. */
function scoreOf(sentence: Sentence, asked: ReadonlySet<string>, all: readonly Sentence[]): number {
  const title = wordsOf(sentence.source);
  const shared = [...asked].filter((word) => sentence.words.has(word) || title.has(word));
  const both = shared.filter((word) => sentence.words.has(word) && title.has(word));
  const found = shared.length + both.length;
  if (!shared.some((word) => sentence.words.has(word)) || found < Math.min(2, asked.size)) return 0;
  const weightOf = (word: string): number => (sentence.words.has(word) ? 1 : TITLE_WEIGHT);
  return shared.reduce((sum, word) => sum + weightOf(word) * Math.log(1 + all.length / countOf(word, all)), 0);
}

/** Of titles once for each passage would be fairer; so a word that only titles have counts as one that one sentence has. */
function countOf(word: string, all: readonly Sentence[]): number {
  return Math.max(1, all.filter((sentence) => sentence.words.has(word)).length);
}

function wordsOf(text: string): Set<string> {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return new Set(words.filter((word) => !STOP_WORDS.has(word)).map(stem));
}

/** Enough to match "engines" with "engine"; a real stemmer would not make the demo better. */
function stem(word: string): string {
  return word.length > 4 ? word.replace(/(?:ies|es|s|ing|ed)$/, "") : word;
}
