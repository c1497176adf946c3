import { once as nextEvent } from "node:events";
import { connect } from "node:net";
import { ChatError, type FileScan } from "@parley/protocol";

/** Looks at all bytes of a file before anybody may have it. */
export interface FileScanner {
  /** Throws OVERLOADED when it cannot say: what nobody has looked at, nobody gets. `isClean` false: with what it found, as `result`. */
  scan(bytes: AsyncIterable<Uint8Array>): Promise<FileScan & { readonly isClean: boolean }>;
}

export interface ScannerAddress {
  readonly host: string;
  readonly port: number;
}

/** Without a word from it for so long it is given up. */
const idleMs = 60_000;
const mostAnswerBytes = 4 * 1024;

/** clamd's INSTREAM: each piece behind its length, four bytes, big-endian; one of length 0 is the end. Then it answers in one line. */
export function createClamdScanner({ host, port }: ScannerAddress): FileScanner {
  return {
    async scan(bytes) {
      const answer = await ask({ host, port }, bytes).catch((cause: unknown) => {
        throw unscanned(cause);
      });
      const result = answer.replace(/^stream: /, "");
      // `stream: Eicar-Test-Signature FOUND`; what is neither that nor OK is an error of its own.
      const found = /^(.{1,200}) FOUND$/.exec(result)?.[1];
      if (found === undefined && result !== "OK") throw unscanned(new Error(`clamd says: ${result.slice(0, 200)}`));
      return { by: "clamd", result: found ?? "OK", at: Date.now(), isClean: found === undefined };
    },
  };
}

async function ask(address: ScannerAddress, bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const socket = connect(address);
  socket.setTimeout(idleMs, () => socket.destroy(new Error("clamd did not answer")));
  const answer = answerOf(socket);
  // Told by `answer`, whoever waits for it.
  answer.catch(() => {});
  try {
    await nextEvent(socket, "connect");
    const send = async (data: Uint8Array): Promise<void> => {
      // It may answer before the end: that a stream is larger than it takes.
      if (!socket.destroyed && !socket.write(data)) await Promise.race([nextEvent(socket, "drain"), answer]);
    };
    await send(Buffer.from("zINSTREAM\0"));
    for await (const piece of bytes) {
      if (socket.destroyed) break;
      const length = Buffer.alloc(4);
      length.writeUInt32BE(piece.length);
      await send(Buffer.concat([length, piece]));
    }
    await send(Buffer.alloc(4));
    return await answer;
  } finally {
    socket.destroy();
  }
}

async function answerOf(socket: ReturnType<typeof connect>): Promise<string> {
  let text = "";
  for await (const piece of socket.iterator({ destroyOnReturn: false })) {
    text += String(piece);
    const end = text.search(/[\0\n]/);
    if (end >= 0) return text.slice(0, end).trim();
    if (text.length > mostAnswerBytes) break;
  }
  throw new Error("clamd ended without an answer");
}

function unscanned(cause: unknown): ChatError {
  const message = "This file cannot be checked at the moment, so nobody gets it yet. Try again shortly.";
  return new ChatError("OVERLOADED", { message, retryAfterMs: 5_000, cause });
}
