/** Qwen, DeepSeek and most others; some prompts; Gemini and Gemma; Seed; Magistral; Kimi. */
const pairs = [
  ["<think>", "</think>"],
  ["<Think>", "</Think>"],
  ["<THINK>", "</THINK>"],
  ["<thinking>", "</thinking>"],
  ["<reasoning>", "</reasoning>"],
  ["<thought>", "</thought>"],
  ["<seed:think>", "</seed:think>"],
  ["[THINK]", "[/THINK]"],
  ["◁think▷", "◁/think▷"],
] as const;
export const opens: readonly string[] = pairs.map(([open]) => open);
export const closes: readonly string[] = pairs.map(([, close]) => close);
export const tags: readonly string[] = [...opens, ...closes];

export function closeOf(tag: string): string {
  return closes[opens.indexOf(tag)] ?? "";
}

export function firstOf(text: string, among: readonly string[]): { at: number; tag: string } | undefined {
  return among
    .map((tag) => ({ at: text.indexOf(tag), tag }))
    .filter(({ at }) => at >= 0)
    .toSorted((a, b) => a.at - b.at)[0];
}

/** How many characters at the end may be the beginning of one of the tags. */
export function openTail(text: string, among: readonly string[]): number {
  const longest = Math.max(...among.map((tag) => tag.length)) - 1;
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    const tail = text.slice(text.length - length);
    if (among.some((tag) => tag.startsWith(tail))) return length;
  }
  return 0;
}

/** Whether there is an end of reasoning in a text. */
export function hasEndTag(text: string): boolean {
  return closes.some((tag) => text.includes(tag));
}
