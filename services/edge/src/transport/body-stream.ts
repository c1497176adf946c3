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

/** The client sends on, but hardly anything. What came can still be read. */
export class SlowBodyError extends Error {
  constructor() {
    super("the client sends its body too slowly");
    this.name = "SlowBodyError";
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
  let state: "coming" | "whole" | "cut" | "slow" | "dropped" = "coming";
  const stopPace = createPace({
    came: came.total,
    isAwaited: came.isAwaited,
    renew: flow.renew,
    tooSlow() {
      if (state === "coming") state = "slow";
      came.tell();
    },
  });

  response.onData((chunk, isLast) => {
    if (state === "dropped") return;
    if (isLast) state = "whole";
    if (isLast) stopPace();
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
      throw state === "slow" ? new SlowBodyError() : new BodyCutError();
    },
  };
  return {
    stream,

    /** The client is gone: what it sent can still be read. */
    cut(): void {
      if (state === "coming") state = "cut";
      stopPace();
      came.tell();
    },

    /** It is answered: the rest of the body is of no use, and its sender must be able to come to its end. */
    drop(): void {
      if (state === "coming" || state === "slow") state = "dropped";
      stopPace();
      came.take();
      flow.end();
    },
  };
}

function createWaitingBytes() {
  let chunks: Buffer[] = [];
  let size = 0;
  let total = 0;
  let wake: (() => void) | undefined;
  const tell = (): void => {
    wake?.();
    wake = undefined;
  };
  return {
    bytes: (): number => size,
    total: (): number => total,
    /** Whether somebody waits for more. */
    isAwaited: (): boolean => wake !== undefined,
    tell,
    add(chunk: ArrayBuffer): void {
      // Only lent.
      if (chunk.byteLength > 0) chunks.push(Buffer.from(Buffer.from(chunk)));
      size += chunk.byteLength;
      total += chunk.byteLength;
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
    /** The library closes connections without a word that bring less than 16 KB a second for 10 s: it counts anew behind this. */
    renew(): void {
      if (isPaused || !isOpen()) return;
      response.pause();
      response.resume();
    },
    /** Its answer is about to be written. */
    end,
  };
}

const paceMs = 4_000;
/** 1 KB a second: whoever holds one of the few places for uploads has to use it. */
const leastBytes = 4 * 1024;
/** Before the library would close the connection. */
const slowRounds = 3;

interface PaceDeps {
  readonly came: () => number;
  readonly isAwaited: () => boolean;
  readonly renew: () => void;
  readonly tooSlow: () => void;
}

/** Looks how fast a body comes, while somebody waits for it. Returns how to stop. */
function createPace({ came, isAwaited, renew, tooSlow }: PaceDeps): () => void {
  let before = 0;
  let rounds = 0;
  const timer = setInterval(() => {
    const isSlow = isAwaited() && came() - before < leastBytes;
    before = came();
    rounds = isSlow ? rounds + 1 : 0;
    if (rounds < slowRounds) return renew();
    clearInterval(timer);
    tooSlow();
  }, paceMs);
  timer.unref();
  return () => clearInterval(timer);
}
