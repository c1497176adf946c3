const LF = 0x0a;
const CR = 0x0d;

/** Told of every line without its end: `bytes` from `from` to before `to`. They are valid during the call only. */
export type OnLine = (bytes: Buffer, from: number, to: number) => void;

export interface LineLimit {
  readonly maxBytes: number;
  /** In place of a line that has grown beyond it, of which nothing is kept. */
  readonly onTooLong: () => void;
  /** A line that grows beyond that is a RangeError. */
  readonly maxSkippedBytes: number;
}

/** Cuts bytes into lines that end in LF, CRLF or CR, wherever the bytes themselves are cut. */
export function createLineSplitter(onLine: OnLine, { onTooLong, ...limits }: LineLimit) {
  const begun = createBegunLine(limits);
  let isAfterCr = false;

  const takeWhole = (): void => {
    const whole = begun.take();
    if (whole === undefined) onTooLong();
    else onLine(whole, 0, whole.length);
  };
  const line = (bytes: Buffer, from: number, to: number): void => {
    if (begun.isEmpty()) return onLine(bytes, from, to);
    begun.add(bytes, from, to);
    takeWhole();
  };

  return {
    push(bytes: Buffer): void {
      if (bytes.length === 0) return;
      let from = isAfterCr && bytes[0] === LF ? 1 : 0;
      isAfterCr = false;
      const ends = createEnds(bytes);
      for (let end = ends.next(from); end >= 0; end = ends.next(from)) {
        line(bytes, from, end);
        from = end + 1;
        if (bytes[end] !== CR) continue;
        if (from === bytes.length) isAfterCr = true;
        else if (bytes[from] === LF) from++;
      }
      if (from < bytes.length) begun.add(bytes, from, bytes.length);
    },
    /** No more comes: what has no line end is a line too. */
    end(): void {
      if (!begun.isEmpty()) takeWhole();
    },
  };
}

/** Where lines end, each byte looked at once. JSON has no bare CR, so mostly there is none in all the bytes. */
function createEnds(bytes: Buffer) {
  let cr = bytes.indexOf(CR);
  return {
    next(from: number): number {
      if (cr >= 0 && cr < from) cr = bytes.indexOf(CR, from);
      const lf = cr < 0 ? bytes.indexOf(LF, from) : bytes.subarray(0, cr).indexOf(LF, from);
      return lf >= 0 ? lf : cr;
    },
  };
}

/** The beginning of a line, in one buffer that doubles: a line that comes byte by byte costs no more than one that comes at once. */
function createBegunLine({ maxBytes, maxSkippedBytes }: Omit<LineLimit, "onTooLong">) {
  let buffer = Buffer.alloc(0);
  /** Of the line, also of what is not kept. */
  let size = 0;
  return {
    isEmpty: (): boolean => size === 0,
    add(bytes: Buffer, from: number, to: number): void {
      const needed = size + to - from;
      if (needed > maxSkippedBytes) throw new RangeError(`a line is larger than ${maxSkippedBytes} bytes`);
      if (needed > maxBytes) {
        buffer = Buffer.alloc(0);
        size = needed;
        return;
      }
      if (needed > buffer.length) {
        const larger = Buffer.allocUnsafe(Math.max(needed, Math.min(2 * buffer.length, maxBytes)));
        buffer.copy(larger, 0, 0, size);
        buffer = larger;
      }
      bytes.copy(buffer, size, from, to);
      size = needed;
    },
    /** Undefined: it was too long. */
    take(): Buffer | undefined {
      const whole = size > maxBytes ? undefined : buffer.subarray(0, size);
      size = 0;
      return whole;
    },
  };
}
