/** What a piece of an answer was: the expected one, or what is wrong with it. */
export type Finding = "right" | "gap" | "repeat" | "wrong";

export interface AnswerCheck {
  /** The next piece of the answer. After a fault it goes on behind that piece, so that one fault counts once. */
  token(text: string): Finding;
  /** All of the answer so far, in place of what was known: after a restart of the turn, or in a snapshot. */
  replace(text: string, mayBeShorter: boolean): Finding;
  /** The end, with the whole answer as it is stored. Everything of it must have been seen before, if tokens were. */
  end(text: string): Finding;
  /** Characters that are seen. */
  seen(): number;
}

/** Holds an answer against the expected one, piece by piece: a lost word is a gap, one that comes again a repeat. */
export function createAnswerCheck(expected: string): AnswerCheck {
  let position = 0;
  return {
    token(text) {
      if (expected.startsWith(text, position)) {
        position += text.length;
        return "right";
      }
      const place = placeOf(text, expected);
      if (place < 0) return "wrong";
      const finding = place > position ? "gap" : "repeat";
      position = place + text.length;
      return finding;
    },
    replace(text, mayBeShorter) {
      if (!expected.startsWith(text)) return "wrong";
      const isShorter = text.length < position;
      position = text.length;
      return isShorter && !mayBeShorter ? "gap" : "right";
    },
    end(text) {
      if (text !== expected) return "wrong";
      return position === expected.length ? "right" : "gap";
    },
    seen: () => position,
  };
}

/** Where this piece stands. Its first whole word tells; a piece without a whole word can only be found as it is. */
function placeOf(text: string, expected: string): number {
  const word = /w\d+ /.exec(text);
  if (word === null) return expected.indexOf(text);
  const wordAt = expected.startsWith(word[0]) ? 0 : expected.indexOf(` ${word[0]}`) + 1;
  const place = wordAt - word.index;
  return place >= 0 && expected.startsWith(text, place) ? place : -1;
}
