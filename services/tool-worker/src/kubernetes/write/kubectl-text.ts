import { toPlainText } from "../../plain-text.ts";

/** What a person could type instead of a call: where tools may only suggest changes, it is all that comes of one. */

/** A word as a POSIX shell takes it. */
export function shellWord(word: string): string {
  // As it will be shown: what is stripped later could take a quote with it.
  const plain = toPlainText(word);
  return /^[\w@%+=:,./-]+$/.test(plain) ? plain : `'${plain.replaceAll("'", `'\\''`)}'`;
}

export interface CommandPlace {
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
}

/** `kubectl` with its words quoted; what is undefined is left out. */
export function kubectl(words: readonly (string | undefined)[], { context, namespace }: CommandPlace): string {
  const place = [
    ...(namespace === undefined ? [] : ["--namespace", namespace]),
    ...(context === undefined ? [] : ["--context", context]),
  ];
  const given = words.filter((word) => word !== undefined);
  // What comes behind `--` is the command of exec.
  const at = given.indexOf("--");
  const all = at < 0 ? [...given, ...place] : [...given.slice(0, at), ...place, ...given.slice(at)];
  return ["kubectl", ...all].map(shellWord).join(" ");
}

/** The same with a text on its standard input. */
export function withInput(command: string, given: string): string {
  const text = toPlainText(given);
  let end = "EOF";
  while (text.split("\n").includes(end)) end += "_";
  return `${command} <<'${end}'\n${text.endsWith("\n") ? text : `${text}\n`}${end}`;
}
