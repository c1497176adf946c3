import { createServer, type Server, type Socket } from "node:net";
import { createTimerWheel, type TimerWheel } from "./timer-wheel.ts";
import { wishIn, type Wish } from "./workload.ts";

/**
 * A model with nothing in it: no HTTP library, chunks made once, one timer for all. It shares the processors with what is
 * measured, so that what it costs is missing there.
 */
export function createModelServer(): Server {
  const wheel = createTimerWheel();
  const chunks = createChunks();
  return createServer({ noDelay: true }, (socket) => {
    const read = createRequestReader((body) => answer(wishIn(body), { socket, wheel, chunks }));
    socket.on("data", read);
    // A caller may hang up in mid-answer.
    socket.on("error", () => socket.destroy());
  });
}

const headEnd = Buffer.from("\r\n\r\n");
const lastPiece = Buffer.from("0\r\n\r\n");

/** Gives the body of each request on a connection; one at a time, as HTTP clients without pipelining send them. */
export function createRequestReader(onBody: (body: Buffer) => void): (bytes: Buffer) => void {
  let have: Buffer = Buffer.alloc(0);
  return (bytes) => {
    have = have.length === 0 ? bytes : Buffer.concat([have, bytes]);
    const bodyAt = have.indexOf(headEnd) + headEnd.length;
    if (bodyAt < headEnd.length) return;
    const head = have.subarray(0, bodyAt).toString("latin1");
    const length = /^content-length: *(\d+)/im.exec(head)?.[1];
    const isWhole =
      length === undefined
        ? have.subarray(-lastPiece.length).equals(lastPiece)
        : have.length >= bodyAt + Number(length);
    if (!isWhole) return;
    const body = have.subarray(bodyAt);
    have = Buffer.alloc(0);
    onBody(body);
  };
}

const head = Buffer.from(
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n",
);

function piece(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
}

const common = { id: "chatcmpl-bench", object: "chat.completion.chunk", created: 1_700_000_000, model: "bench" };

function event(delta: object, finish: string | null): string {
  return `data: ${JSON.stringify({ ...common, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
}

function usageEvent(tokens: number): string {
  const usage = { prompt_tokens: 20, completion_tokens: tokens, total_tokens: 20 + tokens };
  return `data: ${JSON.stringify({ ...common, choices: [], usage })}\n\n`;
}

const listNamespaces = { name: "k8s_list_namespaces", arguments: "{}" };

function createChunks() {
  const words: Buffer[] = [];
  const ends = new Map<number, Buffer>();
  const end = (finish: string, tokens: number, delta?: object): Buffer => {
    const events = [...(delta === undefined ? [] : [event(delta, null)]), event({}, finish), usageEvent(tokens)];
    return Buffer.concat([piece(`${events.join("")}data: [DONE]\n\n`), lastPiece]);
  };
  let calls = 0;
  return {
    begin: Buffer.concat([head, piece(event({ role: "assistant", content: "" }, null))]),
    word: (index: number): Buffer => (words[index] ??= piece(event({ content: `w${index} ` }, null))),
    /** The last word, which has no blank behind it, and the end of the stream. */
    lastWord(tokens: number): Buffer {
      const known = ends.get(tokens) ?? end("stop", tokens, { content: `w${tokens - 1}` });
      ends.set(tokens, known);
      return known;
    },
    call(): Buffer {
      const call = { index: 0, id: `call_bench_${calls++}`, type: "function", function: listNamespaces };
      return end("tool_calls", 1, { tool_calls: [call] });
    },
  };
}

interface Answering {
  readonly socket: Socket;
  readonly wheel: TimerWheel;
  readonly chunks: ReturnType<typeof createChunks>;
}

function answer({ tokens, rate, callsTool }: Wish, { socket, wheel, chunks }: Answering): void {
  const beganAt = performance.now();
  if (callsTool) return void socket.write(Buffer.concat([chunks.begin, chunks.call()]));
  let sent = 0;
  const next = (): void => {
    let isLast = false;
    do {
      if (socket.destroyed) return;
      const index = sent++;
      isLast = sent >= tokens;
      const words = isLast ? chunks.lastWord(tokens) : chunks.word(index);
      socket.write(index === 0 ? Buffer.concat([chunks.begin, words]) : words);
    } while (rate === 0 && !isLast);
    if (!isLast) wheel.at(beganAt + (sent * 1_000) / rate, next);
  };
  next();
}
