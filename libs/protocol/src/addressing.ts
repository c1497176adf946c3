import type { People } from "./room.ts";

/** Whom a message addresses, and so whether an agent answers it (docs/adr/0029). Pure: the edge decides once with it, the worker reads names with it. */

/** What the rule of a room needs to know of it. */
export type RoomRules = Pick<People, "answers" | "agents" | "members">;

export interface Addressing {
  readonly text: string;
  /** The users whom it names: what is written as `@name` of one of them is no agent. */
  readonly mentions?: readonly string[] | undefined;
  /** The agent that gave the answer to which it replies. */
  readonly replyTo?: string | undefined;
  /** The names of the room for agents. They come before the agents' own. */
  readonly room?: Pick<People, "agents"> | undefined;
  /** The agents that there are, by their own names. */
  readonly agents?: readonly string[] | undefined;
}

/** The agent that it addresses: the first that is named as `@name`, else the one to which it replies. Undefined: none. */
export function addressedAgent({ text, mentions = [], replyTo, room, agents = [] }: Addressing): string | undefined {
  const users = new Set(mentions.map((name) => name.toLowerCase()));
  const named = new Map<string, string>();
  for (const agent of agents) named.set(agent.toLowerCase(), agent);
  for (const { handle, agent } of room?.agents ?? []) named.set(handle.toLowerCase(), agent);
  for (const user of users) named.delete(user);
  return firstNamed(text, named) ?? replyTo;
}

/** Where nobody has said when agents answer: to all while one person alone may write, then only where they are addressed. */
export function answerRuleOf({ answers, members }: Pick<RoomRules, "answers" | "members">): string {
  return answers ?? (members.some(({ role }) => role === "writer") ? "mention" : "always");
}

/** Names have letters, digits, and what stands inside of words: a longer word is another name. */
const inWord = /[\p{L}\p{N}_-]/u;
/** Behind these an `@` is part of an address, a path, or another name. */
const joins = /[\p{L}\p{N}_.+\-/@]/u;

function firstNamed(text: string, named: ReadonlyMap<string, string>): string | undefined {
  if (named.size === 0 || !text.includes("@")) return undefined;
  const names = [...named.keys()].filter((name) => name !== "").toSorted((one, other) => other.length - one.length);
  const plain = withoutCode(text);
  for (let at = plain.indexOf("@"); at >= 0; at = plain.indexOf("@", at + 1)) {
    if (at > 0 && joins.test(charBefore(plain, at))) continue;
    const name = names.find((one) => isNameAt(plain, at + 1, one));
    if (name !== undefined) return named.get(name);
  }
  return undefined;
}

function charBefore(text: string, at: number): string {
  return Array.from(text.slice(Math.max(0, at - 2), at)).at(-1) ?? "";
}

/** The name, and no more of a word; "@bot." ends a sentence, "@bot.example" is the name of a machine. */
function isNameAt(text: string, at: number, name: string): boolean {
  if (text.slice(at, at + name.length).toLowerCase() !== name) return false;
  const [next = "", second = ""] = Array.from(text.slice(at + name.length, at + name.length + 4));
  if (next === "." || next === "@") return !inWord.test(second);
  return !inWord.test(next);
}

/** The text with blanks in place of code: what stands between runs of as many backticks, and behind a fence that is never closed. */
function withoutCode(text: string): string {
  if (!text.includes("`")) return text;
  const runs = [...text.matchAll(/`+/g)].map((run) => ({ at: run.index, length: run[0].length }));
  const closers = nextOfLength(runs);
  let plain = "";
  let done = 0;
  for (const [i, open] of runs.entries()) {
    if (open.at < done) continue;
    const close = closers[i];
    const isFence = open.length >= 3 && /(^|\n)[ \t]*$/.test(text.slice(Math.max(0, open.at - 8), open.at));
    if (close === undefined && !isFence) continue;
    plain += `${text.slice(done, open.at)} `;
    if (close === undefined) return plain;
    done = close.at + close.length;
  }
  return plain + text.slice(done);
}

interface Run {
  readonly at: number;
  readonly length: number;
}

/** Of each run the next one that is as long: read once, from the end. */
function nextOfLength(runs: readonly Run[]): readonly (Run | undefined)[] {
  const next = new Map<number, Run>();
  const closers: (Run | undefined)[] = [];
  for (const run of runs.toReversed()) {
    closers.push(next.get(run.length));
    next.set(run.length, run);
  }
  return closers.toReversed();
}
