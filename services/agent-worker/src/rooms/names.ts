import { createHash } from "node:crypto";

/** How people of a room are called before the model: no name can end the mark it stands in, and no two people have the same. Pure. */

export interface Named {
  readonly id?: string | undefined;
  readonly name?: string | undefined;
}

/** By the id, so that a name that somebody has changed is the same in all of their messages. */
export type NameOf = (one: Named) => string;

const maxChars = 40;
const tagChars = 6;

/** What could be taken for more than a name. */
const taken = [
  ...["system", "developer", "assistant", "user", "tool", "function", "model", "you"],
  ...["agent", "another agent", "staff", "operator", "everybody", "all", "person"],
];

/** Letters and digits in one line: brackets, colons, quotes, commas and what is not seen are none of them. */
export function plainName(name: string | undefined): string {
  const line = (name ?? "")
    .slice(0, 1_000)
    .normalize("NFKC")
    .replaceAll(/[^\p{L}\p{M}\p{N} .'’_-]+/gu, " ")
    .replaceAll(/\s+/g, " ")
    .trim();
  return Array.from(line).slice(0, maxChars).join("").trim();
}

/** Equal for names that look alike but for case, accents and what is between the letters. */
function keyOf(plain: string): string {
  return plain
    .normalize("NFKD")
    .replaceAll(/[^\p{L}\p{N}]/gu, "")
    .toLowerCase();
}

const scripts = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u];

/** "Аnn" with a letter of another alphabet looks like "Ann". */
function isMixed(plain: string): boolean {
  return scripts.filter((script) => script.test(plain)).length > 1;
}

/** No name has a `#`. It says nothing but that this is another one, and stays what it is whoever comes or goes. */
function tagOf(id: string): string {
  return createHash("sha256").update(id).digest("hex").slice(0, tagChars);
}

/** `known`: all who may be named, of two entries of one person the first one counts. `agents`: how agents are called here. */
export function createNames(known: readonly Named[], agents: readonly string[]): NameOf {
  const names = new Map<string, string>();
  for (const { id = "", name } of known) if (plainName(names.get(id)) === "") names.set(id, plainName(name));
  const reserved = new Set([...taken, ...agents.map(plainName)].map(keyOf));
  const people = new Map<string, number>();
  for (const plain of names.values()) people.set(keyOf(plain), (people.get(keyOf(plain)) ?? 0) + 1);
  return ({ id = "", name }) => {
    const plain = names.get(id) ?? plainName(name);
    const key = keyOf(plain);
    if (key === "") return `Person #${tagOf(id)}`;
    const isAlone = (people.get(key) ?? 0) <= 1 && !reserved.has(key) && !isMixed(plain);
    return isAlone ? plain : `${plain} #${tagOf(id)}`;
  };
}
