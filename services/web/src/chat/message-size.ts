import { limits } from "@parley/protocol/fold";

export interface MessageSize {
  readonly bytes: number;
  readonly leftBytes: number;
  /** Worth telling: little is left, or nothing. */
  readonly isNear: boolean;
  readonly isAbove: boolean;
}

const encoder = new TextEncoder();
const nearBytes = limits.messageBytes / 8;

/** How much of the largest message a text takes. Each character takes at least one byte and at most three per unit: most texts need no count. */
export function sizeOf(text: string): MessageSize {
  const isShort = text.length * 3 < limits.messageBytes - nearBytes;
  const bytes = isShort ? text.length : encoder.encode(text).length;
  const leftBytes = limits.messageBytes - bytes;
  return { bytes, leftBytes, isNear: !isShort && leftBytes <= nearBytes, isAbove: leftBytes < 0 };
}

/** What is sent of what was typed: without empty lines before it and white space behind it, but with the indentation of its first line. */
export function messageIn(text: string): string {
  return text.replace(/^(?:[^\S\n]*\n)+/, "").trimEnd();
}
