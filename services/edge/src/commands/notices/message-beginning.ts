import { limits } from "@parley/protocol";

/** Of a message in its notice: one line, cut between characters. */
export function beginningOf(message: string): string {
  const line = message
    .slice(0, 4 * limits.noticeTextChars)
    .replaceAll(/\s+/gu, " ")
    .trim();
  const characters = Array.from(line.toWellFormed());
  if (characters.length <= limits.noticeTextChars) return line.toWellFormed();
  return `${characters.slice(0, limits.noticeTextChars - 1).join("")}…`;
}
