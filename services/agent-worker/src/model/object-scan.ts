/**
 * Follows a text that grows, and tells whether it is one object so far, from brace to brace. Looks at each character once: who parsed the whole text
 * anew for each piece would do work that grows with the square of its length. The braces say no more than that it is worth parsing.
 */
export function createObjectScan() {
  let depth = 0;
  let inText = false;
  let isEscaped = false;
  let isOver = false;
  let isOther = false;

  const stepInText = (character: string): void => {
    if (isEscaped) isEscaped = false;
    else if (character === "\\") isEscaped = true;
    else if (character === '"') inText = false;
  };
  const stepOutside = (character: string): void => {
    if (character === "{" && !isOver) depth = 1;
    else if (!/\s/.test(character)) isOther = true;
  };
  const step = (character: string): void => {
    if (inText) return stepInText(character);
    if (depth === 0) return stepOutside(character);
    if (character === '"') inText = true;
    else if (character === "{") depth++;
    else if (character === "}" && --depth === 0) isOver = true;
  };

  return {
    add(piece: string): void {
      for (let at = 0; at < piece.length && !isOther; at++) step(piece.charAt(at));
    },
    /** The braces have closed, and there is nothing around them. */
    isClosed: (): boolean => isOver && !isOther,
  };
}
