/**
 * How a text is cut into the deltas of a stream. Where a cut is depends on nothing but the text before it and the one character behind it, so the same text
 * makes the same deltas, however the model's tokens came: live, from a snapshot, or from what is stored. That is what makes sequence numbers of them that mean
 * the same in each stream.
 */

/** Characters of a word that is cut: below it a client waits for at most so many. Written without spaces, nothing else ends a piece. */
const wordChars = 12;
/** From here on a text is cut into lengths alone: who replays a long answer must not get forty times its size. */
const longTextFrom = 32 * 1024;
const lengthChars = 64;

/** Where the piece that begins at `from` ends; undefined: nobody can tell yet. `isWhole`: nothing follows the text. */
function pieceEnd(text: string, from: number, isWhole: boolean): number | undefined {
  if (from >= text.length) return undefined;
  const most = from < longTextFrom ? wordChars : lengthChars;
  if (from < longTextFrom) {
    const word = wordEnd(text, from, Math.min(text.length - 1, from + most));
    if (word !== undefined) return word;
  }
  if (from + most <= text.length) return isHighSurrogate(text, from + most - 1) ? from + most - 1 : from + most;
  return isWhole ? text.length : undefined;
}

/** The first white space behind something else, up to and with `last`. */
function wordEnd(text: string, from: number, last: number): number | undefined {
  for (let at = from + 1; at <= last; at++) {
    if (isSpace(text, at) && !isSpace(text, at - 1)) return at;
  }
  return undefined;
}

function isSpace(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d);
}

function isHighSurrogate(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800;
}

/** The pieces of a text from `from` on, where a piece must begin, as far as they are known to have ended. Together they are the text from there. */
export function* piecesOf(text: string, from: number, isWhole: boolean): Iterable<string> {
  let at = from;
  for (;;) {
    const end = pieceEnd(text, at, isWhole);
    if (end === undefined) return;
    yield text.slice(at, end);
    at = end;
  }
}

/** Whether a piece ends at `length`; undefined: nobody can tell yet. */
export function isPieceEnd(text: string, length: number, isWhole: boolean): boolean | undefined {
  let at = 0;
  for (const piece of piecesOf(text, 0, isWhole)) {
    if (at >= length) break;
    at += piece.length;
  }
  if (at < length) return undefined;
  return at === length;
}
