import type { ModelRequest } from "./model.ts";

/** What may stand in the log of a text in which a provider may quote what it was sent. */
export type CleanWords = (words: string) => string;

/** Enough to mend a configuration. */
const mostChars = 300;
/** Shorter ones stand in every text. */
const leastChars = 4;
const wordsIn = new RegExp(String.raw`[\p{L}\p{M}\p{N}]{${leastChars},}`, "gu");
const hidden = "[…]";
const hiddenOnes = /\[…\](?:[^\p{L}\p{N}[\]]{1,3}\[…\])+/gu;

/**
 * Strikes out the key, and each word that stands in what people, tools and models have said: providers quote requests in their refusals, and no log has words of a conversation. Also parts of
 * words count, as quotes are cut anywhere. Nothing is made of the request before there is an error.
 */
export function createCleanWords(apiKey: string, { messages }: Pick<ModelRequest, "messages">): CleanWords {
  let said: string | undefined;
  return (words) => {
    said ??= saidIn(messages);
    const within = said;
    const isSaid = (word: string): boolean => within.includes(word.toLowerCase());
    return words
      .replaceAll(apiKey, "[key]")
      .slice(0, mostChars)
      .replaceAll(/\s+/g, " ")
      .replaceAll(wordsIn, (word) => (isSaid(word) ? hidden : word))
      .replaceAll(hiddenOnes, hidden);
  };
}

/** What the operator has written, the system's messages, may be quoted. */
function saidIn(messages: ModelRequest["messages"]): string {
  const said = messages.filter(({ role }) => role !== "system");
  // Escapes would part words from their beginnings, as in \nword. Pictures have no words, and megabytes.
  const withoutData = (_name: string, value: unknown) =>
    typeof value === "string" && value.startsWith("data:") ? "" : value;
  return JSON.stringify(said, withoutData)
    .replaceAll(/\\[nrt]/g, " ")
    .replaceAll("\\", "")
    .toLowerCase();
}
