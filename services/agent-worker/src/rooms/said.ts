import { fenceAttribute, withoutMarksOf } from "../fences.ts";

/** A message of a room as the model reads it: who wrote it, to what it replies, and its text, which can pose as none of these. Pure. */

export interface Said {
  /** As `createNames` made it. */
  readonly who: string;
  readonly text: string;
  /** To what it replies. */
  readonly reply?: Quoted | undefined;
  /** Of its marks, where it has any; absent: nothing. */
  readonly fence?: string | undefined;
}

/** Undefined `who`: nobody knows any more. */
export interface Quoted {
  readonly who?: string | undefined;
  readonly text: string;
}

const quotedChars = 60;

const escaped = withoutMarksOf("said");

/** What begins a line, or a bracket of any kind: only such a text could look like the beginning of another message. */
const mayPose =
  /[\n\r\v\f\u0085\u2028\u2029[\]\uFF3B\uFF3D\u2045\u2046\u2768-\u2775\u27E6-\u27EF\u2983-\u2998\u3008-\u301B\uFE39-\uFE48]/u;

/** A text of one line without brackets stands as it is; any other one between marks. */
export function saidBy({ who, text, reply, fence }: Said): string {
  const from = `[${who}]${reply === undefined ? "" : ` (in reply to ${quoted(reply)})`}:`;
  const inner = escaped(text);
  if (!mayPose.test(text)) return `${from} ${inner}`;
  const mark = fenceAttribute(fence);
  return `${from}\n<said${mark}>\n${inner}\n</said${mark}>`;
}

function quoted({ who, text }: Quoted): string {
  if (who === undefined) return "an earlier message";
  const line = escaped(text.slice(0, 10 * quotedChars))
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]+/gu, " ")
    .replaceAll(/["“”„«»[\]()<>{}\p{Pi}\p{Pf}\p{Ps}\p{Pe}]/gu, "'")
    .replaceAll(/ +/g, " ")
    .trim();
  const chars = Array.from(line);
  const beginning = chars.length <= quotedChars ? line : `${chars.slice(0, quotedChars).join("").trim()}…`;
  return beginning === "" ? `a message of ${who}` : `${who}: "${beginning}"`;
}
