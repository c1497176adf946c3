/** What keeps a stream of somebody else's from taking more of this process than it may. */

/** Takes a stream of bytes apart into lines, of which none may be longer than so many bytes. */
export function createLineReader(maxBytes: number) {
  let held: Buffer[] = [];
  let heldBytes = 0;

  const take = (end: Buffer): string => {
    const line = held.length === 0 ? end : Buffer.concat([...held, end]);
    held = [];
    heldBytes = 0;
    return line.toString("utf8").replace(/\r$/, "");
  };

  return {
    /** The lines that end in this chunk; `too long`: there is one that does not end in time, and nothing more is to be read. */
    push(chunk: Buffer): string[] | "too long" {
      const lines: string[] = [];
      let from = 0;
      for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
        if (heldBytes + end - from > maxBytes) return "too long";
        lines.push(take(chunk.subarray(from, end)));
        from = end + 1;
      }
      const rest = chunk.subarray(from);
      if (heldBytes + rest.length > maxBytes) return "too long";
      if (rest.length > 0) held.push(rest);
      heldBytes += rest.length;
      return lines;
    },
  };
}

/**
 * How many messages of one server are read in a second; a burst of one second's worth is free. Who sends more is not read meanwhile: its pipe or socket fills and
 * it has to wait itself, so a flood costs us no more than the bound.
 */
export function createMessageRate(perSecond: number, now: () => number = () => performance.now()) {
  let tokens = perSecond;
  let filledAt = now();

  return {
    /** Counts messages that were read. Returns how long nothing more is to be read, in ms. */
    take(messages: number): number {
      const at = now();
      tokens = Math.min(perSecond, tokens + ((at - filledAt) / 1_000) * perSecond) - messages;
      filledAt = at;
      return tokens >= 0 ? 0 : Math.ceil((-tokens / perSecond) * 1_000);
    },
  };
}

export type MessageRate = ReturnType<typeof createMessageRate>;

const newline = 0x0a;
const carriageReturn = 0x0d;

/** Counts the messages of a body as it is read, and the bytes of the one that has not ended. */
export function createBodyMeter(isEventStream: boolean) {
  let openBytes = 0;
  let isLineEmpty = false;

  return {
    /** Events that end in the chunk: at an empty line, as the specification of server-sent events has it. */
    push(chunk: Uint8Array): { readonly ended: number; readonly openBytes: number } {
      if (!isEventStream) return { ended: 0, openBytes: (openBytes += chunk.length) };
      let ended = 0;
      let largest = 0;
      for (const byte of chunk) {
        openBytes++;
        if (byte === carriageReturn) continue;
        if (byte === newline && isLineEmpty) {
          ended++;
          largest = Math.max(largest, openBytes);
          openBytes = 0;
        }
        isLineEmpty = byte === newline;
      }
      return { ended, openBytes: Math.max(largest, openBytes) };
    },
  };
}
