import type { Figure, Violation } from "../history.ts";

/** P7, at the end: what grew while people were there is gone when they are. */
export function checkBase(figures: readonly Figure[]): Violation[] {
  return figures
    .filter(({ value, atMost }) => !(value <= atMost))
    .map(({ process, name, value, atMost }) => ({
      promise: "P7",
      what: `${name} of ${process} is ${value} when all is over, and may be ${atMost}`,
    }));
}
