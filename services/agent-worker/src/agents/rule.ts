/** `g` and `y` would make a match depend on the one before it. */
const PATTERN = /^\/(?<source>.+)\/(?<flags>[imsu]*)$/s;

/**
 * A rule of an agent file: `/pattern/flags` is a regular expression, anything else a word or phrase that has to stand in
 * the message as such, in capitals or not. Throws SyntaxError when the pattern is none.
 */
export function parseRule(text: string): RegExp {
  const { source, flags } = PATTERN.exec(text)?.groups ?? {};
  if (source !== undefined) return new RegExp(source, flags);
  if (text.startsWith("/")) throw new SyntaxError("a pattern ends with / and the flags i, m, s or u");
  const words = text.trim().split(/\s+/).map(quoted).join("\\s+");
  return new RegExp(`(?<![\\p{L}\\p{N}_])${words}(?![\\p{L}\\p{N}_])`, "iu");
}

function quoted(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}
