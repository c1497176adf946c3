const LF = 0x0a;
const CR = 0x0d;

/** Told of every line without its end: `bytes` from `from` to before `to`. They are valid during the call only. */
export type OnLine = (bytes: Buffer, from: number, to: number) => void;

/** Cuts bytes into lines that end in LF, CRLF or CR, wherever the bytes themselves are cut. A line that grows beyond `maxBytes` is a RangeError. */
export function createLineSplitter(onLine: OnLine, maxBytes: number) {
  const begun = createBegunLine(maxBytes);
  let isAfterCr = false;

  const line = (bytes: Buffer, from: number, to: number): void => {
    if (begun.isEmpty()) return onLine(bytes, from, to);
    begun.add(bytes, from, to);
    const whole = begun.take();
    onLine(whole, 0, whole.length);
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
      if (begun.isEmpty()) return;
      const whole = begun.take();
      onLine(whole, 0, whole.length);
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
function createBegunLine(maxBytes: number) {
  let buffer = Buffer.alloc(0);
  let size = 0;
  return {
    isEmpty: (): boolean => size === 0,
    add(bytes: Buffer, from: number, to: number): void {
      const needed = size + to - from;
      if (needed > maxBytes) throw new RangeError(`a line is larger than ${maxBytes} bytes`);
      if (needed > buffer.length) {
        const larger = Buffer.allocUnsafe(Math.max(needed, Math.min(2 * buffer.length, maxBytes)));
        buffer.copy(larger, 0, 0, size);
        buffer = larger;
      }
      bytes.copy(buffer, size, from, to);
      size = needed;
    },
    take(): Buffer {
      const whole = buffer.subarray(0, size);
      size = 0;
      return whole;
    },
  };
}
