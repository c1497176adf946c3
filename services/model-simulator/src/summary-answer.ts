/** How Parley asks for a summary of the beginning of a conversation. */
export const SUMMARY = /^Summarise this conversation\b/;
const HEAD = "Simulated summary, in the words of the user:";
const SAID = /^- "(.*)"$/;
const MAX_LINE_CHARS = 160;
/** What was said first is kept, and what was said last. */
const FIRST_LINES = 8;
const LAST_LINES = 10;

/** What the user has said, line by line, what an earlier summary had first. */
export function summaryOf(conversation: string): string {
  const lines = conversation.split("\n").flatMap((line) => {
    if (SAID.test(line)) return [line];
    return line.startsWith("User: ") ? [`- "${line.slice("User: ".length, MAX_LINE_CHARS).toWellFormed()}"`] : [];
  });
  const kept =
    lines.length <= FIRST_LINES + LAST_LINES ? lines : [...lines.slice(0, FIRST_LINES), ...lines.slice(-LAST_LINES)];
  return [HEAD, ...kept].join("\n");
}

/** What the user has said according to the summary in the instructions, oldest first. */
export function summarisedQuestions(instructions: string): string[] {
  const from = instructions.indexOf(HEAD);
  if (from < 0) return [];
  return instructions
    .slice(from)
    .split("\n")
    .flatMap((line) => SAID.exec(line)?.slice(1, 2) ?? []);
}
