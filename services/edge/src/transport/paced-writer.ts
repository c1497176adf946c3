import type { HttpResponse } from "uWebSockets.js";

export type PacedWriter = ReturnType<typeof createPacedWriter>;

/**
 * Written in one cork. uWebSockets.js before 20.64 may lose the end of an HTTP write that fills its cork buffer of 16 KB and leaves in
 * part, so this stays well below.
 */
const maxWriteBytes = 8 * 1024;

/** Writes the body of a response no faster than its client reads. What waits, waits here, where it is counted. */
export function createPacedWriter() {
  let response: HttpResponse | undefined;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let isBlocked = false;

  const takePiece = (): Uint8Array => {
    const [first] = waiting;
    const all = waiting.length === 1 && first !== undefined ? first : Buffer.concat(waiting);
    const piece = all.subarray(0, maxWriteBytes);
    waiting = piece.length === all.length ? [] : [all.subarray(maxWriteBytes)];
    waitingBytes -= piece.length;
    return piece;
  };

  return {
    get waitingBytes(): number {
      return waitingBytes;
    },
    /** Whether the client does not take what it was given. */
    get isBlocked(): boolean {
      return isBlocked;
    },

    /** Into this response, whose status and headers are written. `onWritable` is called when its client takes more. */
    begin(to: HttpResponse, onWritable: () => void): void {
      response = to;
      to.onWritable(() => {
        isBlocked = false;
        onWritable();
        return !isBlocked;
      });
    },

    add(bytes: Uint8Array): void {
      waiting.push(bytes);
      waitingBytes += bytes.length;
    },

    drop(): void {
      waiting = [];
      waitingBytes = 0;
    },

    /** Writes what the client takes. */
    flush(): void {
      const to = response;
      while (to !== undefined && !isBlocked && waitingBytes > 0) {
        const piece = takePiece();
        // What leaves a cork only in part is seen by the next write, which then says so.
        to.cork(() => {
          isBlocked = !to.write(piece);
        });
      }
    },
  };
}
