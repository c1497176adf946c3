import { SealedError, type Opening } from "./opening.ts";
import type { ReadMessage } from "./stream-reading.ts";

interface Place {
  readonly take: (message: ReadMessage) => void;
  readonly subject: string;
  /** Undefined: it was not opened yet, or never will be. */
  data?: Uint8Array;
  isDone: boolean;
}

/** Opens what is read of a stream in which several keys are used, and gives it on in the order in which it came. */
export function createOpenedLine(opening: Pick<Opening, "inOrder">) {
  const line: Place[] = [];
  let isUnavailable = false;
  let onEmpty = (): void => {};

  const give = (): void => {
    for (let [first] = line; first?.isDone === true; [first] = line) {
      line.shift();
      if (first.data !== undefined) first.take({ subject: first.subject, data: first.data });
    }
    if (line.length === 0) onEmpty();
  };

  return {
    add({ subject, data }: ReadMessage, take: (message: ReadMessage) => void): void {
      const place: Place = { take, subject, isDone: false };
      line.push(place);
      opening.inOrder(
        { subject, data },
        (opened) => {
          // Lent, unless nobody waits.
          place.data = line[0] === place || opened !== data ? opened : opened.slice();
          place.isDone = true;
          give();
        },
        (why) => {
          isUnavailable ||= why === "unavailable";
          place.isDone = true;
          give();
        },
      );
    },
    /** All that was added has been given on. Throws SealedError where something cannot be opened now. */
    async settled(): Promise<void> {
      if (line.length > 0) await new Promise<void>((resolve) => (onEmpty = resolve));
      if (isUnavailable) throw new SealedError(new Error("a part of a stream cannot be opened"));
    },
  };
}
