/** Names behind an `@`: pure, for the box and for what it sends. */

export interface Candidate {
  /** As it stands behind the `@`. */
  readonly name: string;
  readonly kind: "member" | "agent";
  /** Of a user, or the name of an agent. */
  readonly id: string;
  readonly text?: string | undefined;
}

/** A name that is being typed. */
interface Begun {
  /** Where its `@` stands. */
  readonly at: number;
  readonly prefix: string;
}

/** More than these nobody reads. */
const maxShown = 6;
/** A longer one is a text that happens to have an `@` in it. */
const maxPrefix = 40;

/** What stands behind the `@` before the caret; undefined: there is none at the beginning of a word. */
export function begunAt(text: string, caret: number): Begun | undefined {
  const line = text.slice(Math.max(0, caret - maxPrefix), caret);
  const found = /(?:^|[\s([{"'])@([^\s@]*(?: [^\s@]*)?)$/u.exec(line);
  const prefix = found?.[1];
  return prefix === undefined ? undefined : { at: caret - prefix.length - 1, prefix };
}

/** Those whose name, or a word of it, begins so. */
export function suggestionsFor(prefix: string, candidates: readonly Candidate[]): readonly Candidate[] {
  const wanted = folded(prefix);
  const begins = ({ name, id }: Candidate): boolean =>
    folded(name).startsWith(wanted) ||
    folded(id).startsWith(wanted) ||
    (wanted !== "" &&
      folded(name)
        .split(/[\s_-]+/u)
        .some((word) => word.startsWith(wanted)));
  const found = candidates.filter(begins);
  // Who has typed a whole name and a space is done with it.
  const isDone = prefix.endsWith(" ") && found.every(({ name }) => folded(name) === wanted.trim());
  return isDone ? [] : found.slice(0, maxShown);
}

/** The text with a name in the place of what was typed of it, and where the caret goes. */
export function completed(text: string, { at, prefix }: Begun, { name }: Candidate): { text: string; caret: number } {
  const behind = text.slice(at + 1 + prefix.length);
  const space = /^\s/u.test(behind) ? "" : " ";
  const before = `${text.slice(0, at)}@${name}`;
  return { text: `${before}${space}${behind}`, caret: before.length + 1 };
}

/** The users whom a text addresses. */
export function mentionsIn(text: string, candidates: readonly Candidate[]): readonly string[] {
  if (!text.includes("@")) return [];
  const members = candidates.filter(({ kind }) => kind === "member");
  const pattern = mentionPattern(members.map(({ name }) => name));
  if (pattern === undefined) return [];
  const named = new Set([...text.matchAll(new RegExp(pattern, "giu"))].map(([whole]) => folded(whole.slice(1))));
  return members.filter(({ name }) => named.has(folded(name))).map(({ id }) => id);
}

/** Any of these names behind an `@`, as a group, so that `split` keeps it; the longest that fits. */
export function mentionPattern(names: readonly string[]): RegExp | undefined {
  const known = [...new Set(names)].filter((name) => name !== "").toSorted((one, other) => other.length - one.length);
  if (known.length === 0) return undefined;
  const any = known.map((name) => name.replaceAll(/[\\^$.*+?()[\]{}|/]/gu, String.raw`\$&`)).join("|");
  return new RegExp(String.raw`(?<![\p{L}\p{N}.@_-])(@(?:${any}))(?![\p{L}\p{N}])`, "giu");
}

function folded(name: string): string {
  return name.normalize("NFC").toLowerCase();
}
