import type { Wish } from "./tool-arguments.ts";

/** A name of a cluster object in lower-case text, as the source of a regular expression. */
export const NAME = "[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?";

const WORDS = new Set(
  "the a an all any every each our my your this that which what cluster namespace namespaces kubernetes it its them total detail and or is are with pod pods node nodes log logs line lines deployment deployments service services events there last".split(
    " ",
  ),
);

/** A word of the sentence that stands where a name could stand. */
export function isNamingWord(word: string): boolean {
  return WORDS.has(word) || /^\d+$/.test(word);
}

/** The namespace that a lower-case question names, if it names one. */
export function namespaceIn(text: string, except?: string): string | undefined {
  const patterns = [
    `namespace\\s+["'\`]?(${NAME})`,
    `["'\`]?(${NAME})["'\`]?\\s+namespace\\b`,
    `\\b(?:in|from|of)\\s+(?:the\\s+)?["'\`]?(${NAME})`,
  ];
  for (const pattern of patterns) {
    for (const [, name] of text.matchAll(new RegExp(pattern, "g"))) {
      if (name !== undefined && name !== except && !isNamingWord(name)) return name;
    }
  }
  return undefined;
}

/**
 * Where a thing is: from `namespace/name`, from the question, or from what was seen earlier in the conversation. There
 * it may be named by its beginning (`checkout` for `checkout-7c9d-x2x4`), as people do.
 */
export function locate(spoken: string, text: string, background: readonly string[]): Wish {
  const [first = "", second] = spoken.split("/");
  if (second !== undefined) return { namespace: first, name: second };
  const namespace = namespaceIn(text, first);
  const seen = background.flatMap((earlier) => findMentions(first, earlier));
  const known = seen.find((mention) => namespace === undefined || mention.namespace === namespace);
  return known ?? { name: first, ...(namespace && { namespace }) };
}

type Mention = { namespace: string; name: string };

/** Mentions of a name, or of a longer one that begins with it: `ns/name`, a table line, or two JSON fields. */
function findMentions(first: string, earlier: string): Mention[] {
  const name = `(?<name>${first.replaceAll(".", "\\.")}(?:-[a-z0-9]+)*)(?![-a-z0-9])`;
  const patterns = [
    `(?<![-a-z0-9/.])(?<namespace>${NAME})/${name}`,
    `(?:^|\\n|\\\\n)\\|?\\s*(?<namespace>${NAME})(?:\\s{2,}|\\s*\\|\\s*)${name}`,
    `"namespace"\\s*:\\s*"(?<namespace>${NAME})"\\s*,\\s*"name"\\s*:\\s*"${name}`,
    `"name"\\s*:\\s*"${name}"\\s*,\\s*"namespace"\\s*:\\s*"(?<namespace>${NAME})`,
  ];
  return patterns.flatMap((pattern) => {
    const groups = new RegExp(pattern).exec(earlier)?.groups;
    return groups?.["namespace"] && groups["name"] ? [{ namespace: groups["namespace"], name: groups["name"] }] : [];
  });
}
