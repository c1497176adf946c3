import { Transform } from "node:stream";
import { createFrameReader, type NatsMessage } from "./nats-frames.ts";
import { startTcpProxy, type TcpProxy, type TcpProxyOptions } from "./tcp-proxy.ts";

/** What becomes of a message on its way from the broker to the client. */
export type Treatment = {
  /** When it may go on: after so many milliseconds, or when this is settled. Default: at once. */
  readonly hold?: number | Promise<unknown>;
  /** Messages of one lane and one connection do not overtake each other. Default: a lane of its own. */
  readonly lane?: string;
  /** It is written in pieces of so many bytes, each by itself, at most 512; whole when `pieceRate` is used up. */
  readonly pieceBytes?: number;
};

/** Undefined: it passes at once, also past those that are held. `connection` counts those of the proxy, from 0. */
export type Treat = (message: NatsMessage, connection: number) => Treatment | undefined;

export type NatsProxyOptions = TcpProxyOptions & { treat: Treat };

export type NatsProxyFigures = {
  /** Messages that were held. */
  held: number;
  /** Messages that went on after one with a treatment which came after them. */
  overtaken: number;
  /** Messages that were written in pieces. */
  split: number;
  /** Times that nothing was read from the broker, because too much was held. */
  full: number;
};

/** A way to NATS that reads what the broker sends. All that is not treated passes as it is, in both directions. */
export type NatsProxy = TcpProxy & { readonly figures: Readonly<NatsProxyFigures> };

/** Of one connection. Above it nothing is read: the broker then sees a slow client, as it would through a slow network. */
const maxHeldBytes = 64 * 1024 * 1024;
const maxPieces = 512;
/**
 * Of one connection. Each piece is a write here and a read there. Without this bound, single bytes were all that two busy cores had time for, and what
 * the broker answered in 5 ms came half a minute late.
 */
const pieceRate = { perSecond: 5_000, atOnce: 2 * maxPieces };
/** Each piece takes a turn of the event loop, and on a busy machine that may be long: what has waited for so long goes out with all behind it. */
const promptMs = 50;

export async function startNatsProxy({ treat, ...options }: NatsProxyOptions): Promise<NatsProxy> {
  const figures: NatsProxyFigures = { held: 0, overtaken: 0, split: 0, full: 0 };
  let connections = 0;
  const downstream = (): Transform => {
    const connection = connections++;
    return createTreatedStream((message) => treat(message, connection), figures);
  };
  return Object.assign(await startTcpProxy({ ...options, downstream }), { figures });
}

/**
 * Bytes of a NATS server in, the same frames out. What is held when the connection ends is lost, as is what is on its way when a network
 * breaks.
 */
export function createTreatedStream(
  treat: (message: NatsMessage) => Treatment | undefined,
  figures: NatsProxyFigures,
): Transform {
  const reader = createFrameReader();
  let readOn: (() => void) | undefined;
  let isEnding = false;

  const goOn = (): void => {
    // A message that goes out in pieces does not stop the reading: it takes many turns of the event loop, and they may be long.
    if (isEnding ? writer.isBusy() : lanes.heldBytes() + writer.waitingBytes() > maxHeldBytes) return;
    const callback = readOn;
    readOn = undefined;
    callback?.();
  };
  const push = (bytes: Buffer): void => {
    if (!stream.destroyed) stream.push(bytes);
  };
  const writer = createWriter(figures, push, goOn);
  const lanes = createLanes(figures, (bytes, pieceBytes) => {
    writer.write(bytes, pieceBytes);
    goOn();
  });

  const stream = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      try {
        for (const { bytes, message } of reader.push(chunk)) {
          const treatment = message === undefined ? undefined : treat(message);
          if (treatment === undefined) writer.write(bytes, undefined);
          else lanes.add(bytes, treatment);
        }
      } catch (error) {
        return callback(error instanceof Error ? error : new Error(String(error)));
      }
      if (lanes.heldBytes() + writer.waitingBytes() > maxHeldBytes) figures.full += 1;
      readOn = callback;
      goOn();
    },
    flush(callback) {
      isEnding = true;
      lanes.forget();
      writer.write(reader.rest(), undefined);
      readOn = callback;
      goOn();
    },
    destroy(error, callback) {
      lanes.forget();
      callback(error);
    },
  });
  return stream;
}

type Held = {
  readonly bytes: Buffer;
  readonly pieceBytes: number | undefined;
  readonly place: number;
  isFree: boolean;
};

/** The messages of one connection that have a treatment, until they go on. */
function createLanes(figures: NatsProxyFigures, write: (bytes: Buffer, pieceBytes: number | undefined) => void) {
  const lanes = new Map<string, Held[]>();
  const timers = new Set<NodeJS.Timeout>();
  let heldBytes = 0;
  let places = 0;
  let lastPlace = -1;
  let isOver = false;

  const emit = ({ bytes, pieceBytes, place }: Held): void => {
    if (place < lastPlace) figures.overtaken += 1;
    lastPlace = Math.max(lastPlace, place);
    write(bytes, pieceBytes);
  };
  const release = (lane: string, held: Held): void => {
    held.isFree = true;
    const waiting = lanes.get(lane) ?? [];
    for (let [first] = waiting; first?.isFree === true && !isOver; [first] = waiting) {
      waiting.shift();
      if (waiting.length === 0) lanes.delete(lane);
      heldBytes -= first.bytes.length;
      emit(first);
    }
  };
  const releaseAt = (until: number | Promise<unknown>, free: () => void): void => {
    if (typeof until !== "number") return void until.then(free, free);
    const timer = setTimeout(() => {
      timers.delete(timer);
      free();
    }, until);
    timers.add(timer);
  };

  return {
    heldBytes: () => heldBytes,
    add(bytes: Buffer, { hold = 0, lane, pieceBytes }: Treatment): void {
      const place = places++;
      const name = lane ?? `message ${place}`;
      const waiting = lanes.get(name) ?? [];
      if (hold === 0 && waiting.length === 0) return emit({ bytes, pieceBytes, place, isFree: true });
      // A copy: the frame is part of a buffer that would else stay as long.
      const held: Held = { bytes: Buffer.from(bytes), pieceBytes, place, isFree: hold === 0 };
      figures.held += 1;
      heldBytes += bytes.length;
      waiting.push(held);
      lanes.set(name, waiting);
      if (hold !== 0) releaseAt(hold, () => release(name, held));
    },
    forget(): void {
      isOver = true;
      for (const timer of timers) clearTimeout(timer);
      lanes.clear();
      heldBytes = 0;
    },
  };
}

/** How many pieces may be written now. */
function createAllowance() {
  let left = pieceRate.atOnce;
  let sinceMs = performance.now();
  return (pieces: number): boolean => {
    const nowMs = performance.now();
    left = Math.min(pieceRate.atOnce, left + ((nowMs - sinceMs) / 1_000) * pieceRate.perSecond);
    sinceMs = nowMs;
    if (pieces > left) return false;
    left -= pieces;
    return true;
  };
}

type Queued = { bytes: Buffer; readonly pieceBytes: number; readonly sinceMs: number };

/** Writes one after the other. While a message goes out in pieces, what comes next waits: a frame must not be cut by another one. */
function createWriter(figures: NatsProxyFigures, push: (bytes: Buffer) => void, onIdle: () => void) {
  let queue: Queued[] = [];
  const allows = createAllowance();
  let isRunning = false;
  let waitingBytes = 0;

  const allowed = ({ length }: Buffer, wanted: number): number => {
    const pieceBytes = Math.max(1, wanted, Math.ceil(length / maxPieces));
    if (pieceBytes >= length || !allows(length / pieceBytes)) return length;
    figures.split += 1;
    return pieceBytes;
  };
  const pushAll = (): void => {
    push(Buffer.concat(queue.map(({ bytes }) => bytes)));
    queue = [];
    waitingBytes = 0;
  };
  const run = (): void => {
    const [next] = queue;
    isRunning = next !== undefined;
    if (next === undefined) return onIdle();
    if (performance.now() - next.sinceMs > promptMs) pushAll();
    else {
      push(next.bytes.subarray(0, next.pieceBytes));
      waitingBytes -= Math.min(next.pieceBytes, next.bytes.length);
      next.bytes = next.bytes.subarray(next.pieceBytes);
      if (next.bytes.length === 0) queue.shift();
    }
    // Written in the same turn of the loop, the pieces would leave as one.
    setImmediate(run);
  };
  return {
    isBusy: () => isRunning,
    waitingBytes: () => waitingBytes,
    write(bytes: Buffer, wanted = bytes.length): void {
      const pieceBytes = allowed(bytes, wanted);
      if (!isRunning && pieceBytes >= bytes.length) return push(bytes);
      queue.push({ bytes, pieceBytes, sinceMs: performance.now() });
      waitingBytes += bytes.length;
      if (isRunning) return;
      isRunning = true;
      setImmediate(run);
    },
  };
}
