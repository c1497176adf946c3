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
  const came = createWaitingBytes();
  const flow = createFlow(response, isOpen);
  let state: "coming" | "whole" | "cut" | "dropped" = "coming";

  response.onData((chunk, isLast) => {
    if (state === "dropped") return;
    if (isLast) state = "whole";
    came.add(chunk);
    if (state === "coming" && came.bytes() > windowBytes) flow.pause();
  });

  const stream: BodyStream = {
    async read() {
      while (came.bytes() === 0 && state === "coming") {
        flow.resume();
        await came.more();
      }
      const bytes = came.take();
      if (bytes.length > 0) {
        if (state === "coming") flow.resume();
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
      came.tell();
    },

    /** It is answered: the rest of the body is of no use, and its sender must be able to come to its end. */
    drop(): void {
      if (state === "coming") state = "dropped";
      came.take();
      flow.end();
    },
  };
}

function createWaitingBytes() {
  let chunks: Buffer[] = [];
  let size = 0;
  let wake: (() => void) | undefined;
  const tell = (): void => {
    wake?.();
    wake = undefined;
  };
  return {
    bytes: (): number => size,
    tell,
    add(chunk: ArrayBuffer): void {
      // Only lent.
      if (chunk.byteLength > 0) chunks.push(Buffer.from(Buffer.from(chunk)));
      size += chunk.byteLength;
      tell();
    },
    more: (): Promise<void> =>
      new Promise((resolve) => {
        wake = resolve;
      }),
    take(): Buffer {
      const [first] = chunks;
      const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
      chunks = [];
      size = 0;
      return bytes;
    },
  };
}

/** Whether the client is read. */
function createFlow(response: HttpResponse, isOpen: () => boolean) {
  let isPaused = false;
  const end = (): void => {
    if (isPaused) response.resume();
    isPaused = false;
  };
  return {
    pause(): void {
      if (isPaused || !isOpen()) return;
      isPaused = true;
      response.pause();
    },
    resume(): void {
      if (isOpen()) end();
    },
    /** Its answer is about to be written. */
    end,
  };
}
