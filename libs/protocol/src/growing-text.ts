/** log2 of the least characters between two copies. */
const leastGrid = 9;
/** log2 of the part of a text that may be in pieces. */
const pieceShare = 3;

/**
 * `text + piece`, for texts that grow by thousands of pieces. The engine keeps such a sum as a tree, with a node and a string for each piece, until
 * somebody reads it: 30 bytes and more for each word of each copy of an answer, for as long as it runs. So it is copied into one piece from time to
 * time: seldom enough that all copies together are a few times the text.
 */
export function appended(text: string, piece: string): string {
  const length = text.length + piece.length;
  const grid = Math.max(leastGrid, 31 - pieceShare - Math.clz32(length));
  return text.length >> grid === length >> grid ? text + piece : [text, piece].join("");
}
