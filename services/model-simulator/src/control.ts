import { z } from "zod";

const MAX_TOKENS = 1_000_000;
const MAX_DELAY_MS = 600_000;
/** Directives in one message that are read; more would only be an attack on the scanner. */
const MAX_DIRECTIVES = 10;
const MAX_PAIRS = 32;

export const Deviation = z.enum([
  "noindex",
  "sameindex",
  "stopreason",
  "objectargs",
  "onechunk",
  "noid",
  "midchunkerror",
  "badjson",
  "emptychoices",
  "nousage",
]);
export type Deviation = z.infer<typeof Deviation>;

function count(max: number) {
  return z.coerce.number().int().min(0).max(max);
}

const onOff = z.enum(["0", "1"]).transform((value) => value === "1");
const jsonText = z.string().refine(isJsonObject, "must be a JSON object");

/** What a test or a demo can ask of one request. Every field is optional; an unknown one is refused, so a typo is seen. */
export const Control = z.strictObject({
  /** Tokens per second; 0 = as fast as the socket takes them. */
  rate: z.coerce.number().min(0).max(100_000).optional(),
  /** The answer is this many numbered words, `w0 w1 …`, in which a loss or a repeat is plain to see. */
  tokens: count(MAX_TOKENS).optional(),
  /** So many tokens of reasoning before the answer, as `reasoning_content`. */
  think: count(MAX_TOKENS).optional(),
  first_ms: count(MAX_DELAY_MS).optional(),
  /** After this many tokens: silence until the caller closes. */
  stall: count(MAX_TOKENS).optional(),
  /** After this many tokens: only SSE comments until the caller closes. */
  keepalive: count(MAX_TOKENS).optional(),
  /** After this many tokens: a clean end of the body without finish_reason and [DONE]. */
  cut: count(MAX_TOKENS).optional(),
  /** After this many tokens: a TCP reset. */
  reset: count(MAX_TOKENS).optional(),
  status: z.coerce.number().int().min(400).max(599).optional(),
  /** How many tries of the same request `status` answers before one succeeds; without it, all of them. */
  times: count(1_000).optional(),
  retry_after: count(3_600).optional(),
  hang: z.enum(["headers"]).optional(),
  badargs: onOff.optional(),
  /** `refuse`: as by a model that sees no images, where the request has some. */
  images: z.enum(["refuse"]).optional(),
  finish: z.enum(["length", "stop", "content_filter"]).optional(),
  tool: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .optional(),
  args: jsonText.optional(),
  deviate: z
    .string()
    .transform((names) => names.split(","))
    .pipe(z.array(Deviation))
    .optional(),
});
export type Control = z.infer<typeof Control>;

export type ReadControl = { ok: true; control: Control } | { ok: false; problem: string };

/** Reads what the header and the message ask for; the message wins, because it is nearer to the one who asks. */
export function readControl(header: string | undefined, userText: string): ReadControl {
  const pairs = { ...readPairs(header ?? "", /^[\s;]+/).pairs };
  for (const directive of findDirectives(userText)) Object.assign(pairs, directive.pairs);
  const parsed = Control.safeParse(pairs);
  if (parsed.success) return { ok: true, control: parsed.data };
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".") || "directive"}: ${issue.message}`);
  return { ok: false, problem: `The simulator directive is not valid (${problems.join("; ")}).` };
}

/** The message as a model should understand it. */
export function withoutDirectives(userText: string): string {
  let text = "";
  let position = 0;
  for (const directive of findDirectives(userText)) {
    text += userText.slice(position, directive.start);
    position = directive.end;
  }
  return (text + userText.slice(position)).trim();
}

type Directive = { start: number; end: number; pairs: Record<string, string> };

function findDirectives(text: string): Directive[] {
  const found: Directive[] = [];
  const marker = /(?:^|(?<=\s))\/sim(?=\s|$)/g;
  for (let match = marker.exec(text); match !== null && found.length < MAX_DIRECTIVES; match = marker.exec(text)) {
    const { pairs, length } = readPairs(text.slice(marker.lastIndex), /^[ \t]+/);
    found.push({ start: match.index, end: marker.lastIndex + length, pairs });
    marker.lastIndex += length;
  }
  return found;
}

function readPairs(text: string, separator: RegExp): { pairs: Record<string, string>; length: number } {
  const pairs: Record<string, string> = {};
  let length = 0;
  for (let read = 0; read < MAX_PAIRS; read += 1) {
    const gap = separator.exec(text.slice(length))?.[0].length ?? 0;
    if (gap === 0 && length > 0) break;
    const key = /^([a-z_]+)=/.exec(text.slice(length + gap));
    if (key?.[1] === undefined) break;
    const start = length + gap + key[0].length;
    const end = start + valueLength(text.slice(start));
    pairs[key[1]] = text.slice(start, end);
    length = end;
  }
  return { pairs, length };
}

/** A JSON object may contain blanks, so its end is where its braces balance; any other value ends at a blank. */
function valueLength(text: string): number {
  return jsonObjectLength(text) ?? /^[^\s;]*/.exec(text)?.[0].length ?? 0;
}

/** The length of the JSON object that `text` begins with, or undefined. */
export function jsonObjectLength(text: string): number | undefined {
  if (!text.startsWith("{")) return undefined;
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index];
    if (quoted && char === "\\") index += 1;
    else if (char === '"') quoted = !quoted;
    else if (!quoted && char === "{") depth += 1;
    else if (!quoted && char === "}") {
      depth -= 1;
      if (depth === 0) return index + 1;
    }
  }
  return undefined;
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
