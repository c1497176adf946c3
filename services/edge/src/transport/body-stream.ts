import type { HttpResponse } from "uWebSockets.js";

/** The body of a request, as it comes. */
export interface BodyStream {
  /** The next bytes, whose owner is the caller; undefined: that was all. Rejects with `BodyCutError` when the client is gone. One call at a time. */
  read(): Promise<Buffer | undefined>;
}

/** The client went away in the middle of its body. */
export class BodyCutError extends Error {
  constructor() {
    super("the client went away while it sent its body");
    this.name = "BodyCutError";
  }
}

/** Above so much that nobody has read the client is not read any more. The library reads up to 512 KB at a time. */
const windowBytes = 256 * 1024;

/**
 * Must be begun before the handler of the request returns. What nobody reads stays in the sockets' buffers: the process holds one window of it, and what the library had read already.
 */
export function createBodyStream(response: HttpResponse, isOpen: () => boolean) {
  let chunks: Buffer[] = [];
  let waitingBytes = 0;
  let state: "coming" | "whole" | "cut" | "dropped" = "coming";
  let isPaused = false;
  let wake: (() => void) | undefined;

  const tell = (): void => {
    wake?.();
    wake = undefined;
  };
  const resume = (): void => {
    if (!isPaused || !isOpen()) return;
    isPaused = false;
    response.resume();
  };

  response.onData((chunk, isLast) => {
    if (state === "dropped") return;
    if (chunk.byteLength > 0) {
      // Only lent.
      chunks.push(Buffer.from(Buffer.from(chunk)));
      waitingBytes += chunk.byteLength;
    }
    if (isLast) state = "whole";
    else if (waitingBytes > windowBytes && !isPaused && isOpen()) {
      isPaused = true;
      response.pause();
    }
    tell();
  });

  const stream: BodyStream = {
    async read() {
      while (waitingBytes === 0 && state === "coming") {
        resume();
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (waitingBytes > 0) {
        const [first] = chunks;
        const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
        chunks = [];
        waitingBytes = 0;
        if (state === "coming") resume();
        return bytes;
      }
      if (state === "whole") return undefined;
      throw new BodyCutError();
    },
  };
  return {
    stream,

    /** The client is gone: what it sent can still be read. */
    cut(): void {
      if (state === "coming") state = "cut";
      tell();
    },

    /** It is answered: the rest of the body is of no use, and its sender must be able to come to its end. */
    drop(): void {
      if (state === "coming") state = "dropped";
      chunks = [];
      waitingBytes = 0;
      if (!isPaused) return;
      isPaused = false;
      response.resume();
    },
  };
}
