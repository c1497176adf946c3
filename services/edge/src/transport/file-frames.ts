import { ChatError, toChatError, type Caller, type ErrorCode, type FileFrame, type FileRecord } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Admission } from "../admission/admit.ts";
import type { FileCommands } from "../commands/files/files.ts";
import { elsewhere } from "../commands/files/receiving.ts";
import type { Outbox } from "../delivery/outbox.ts";
import { countOne } from "../figures/metrics.ts";
import type { HubConnection } from "../hub/hub.ts";

export interface FileFramesDeps {
  readonly files: FileCommands;
  readonly admission: Pick<Admission, "recheck">;
  readonly outbox: Outbox;
  readonly isBrokerWell: () => boolean;
  readonly counters: { errors: Map<ErrorCode, number> };
  readonly log: Logger;
}

interface Received {
  readonly header: FileFrame;
  readonly bytes: Uint8Array;
}

/** Of one socket that wait for the one that is being stored: who sends more does not wait for `file_progress`. Each has at most 384 KB. */
const mostWaiting = 8;

export type FileFrames = ReturnType<typeof createFileFrames>;

/**
 * Binary frames: bytes of files. Each socket's are stored in their order, one at a time, and beside its other frames: nobody's message waits for a store that is slow.
 */
export function createFileFrames(deps: FileFramesDeps) {
  const { outbox } = deps;
  const waiting = new WeakMap<HubConnection, Received[]>();
  const store = createStoring(deps);

  const refuse = (connection: HubConnection, id: string, thrown: unknown): void => {
    // Whatever the broker's client throws while it is away means the same: try again.
    const isOurs = thrown instanceof ChatError || deps.isBrokerWell();
    const error = isOurs ? toChatError(thrown) : new ChatError("OVERLOADED", { cause: thrown });
    countOne(deps.counters.errors, error.code);
    const level = error.cause === undefined ? "debug" : "warn";
    deps.log[level]({ err: error, connection: connection.id, frame: "file" }, "a frame was refused");
    const { message, code, retryable, retryAfterMs } = error;
    const retry = retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs };
    outbox.sendFrame(connection, { type: "error", error: message, code, retryable, ...retry, frame: "file", id });
  };

  const work = async (connection: HubConnection, queue: Received[]): Promise<void> => {
    for (let frame = queue[0]; frame !== undefined && connection.state !== "closed"; frame = queue[0]) {
      try {
        await store(connection, frame);
      } catch (error) {
        refuse(connection, frame.header.id, error);
      }
      queue.shift();
    }
    waiting.delete(connection);
  };

  return {
    /** Never throws. The bytes are the receiver's. */
    receive(connection: HubConnection, frame: Received): void {
      const queue = waiting.get(connection);
      if (queue === undefined) {
        const first = [frame];
        waiting.set(connection, first);
        void work(connection, first);
      } else if (queue.length > mostWaiting) {
        const message = "Too many bytes of files are on their way: wait for file_progress.";
        refuse(connection, frame.header.id, new ChatError("RATE_LIMITED", { message, retryAfterMs: 500 }));
      } else queue.push(frame);
    },
  };
}

function createStoring({ files, admission, outbox }: FileFramesDeps) {
  const tell = (connection: HubConnection, { id }: FileFrame, record: FileRecord): void => {
    const { file_id, offset, name, media_type, bytes } = record;
    if (record.status === "stored")
      outbox.sendFrame(connection, { type: "file_stored", id, file_id, name, media_type, bytes });
    else outbox.sendFrame(connection, { type: "file_progress", id, file_id, offset, bytes });
  };

  const append = async (caller: Caller, { header, bytes }: Received, begun: FileRecord): Promise<FileRecord> => {
    if (begun.status === "stored") return begun;
    if (header.offset > begun.offset) throw elsewhere(begun);
    // What is stored already was sent again by a client that had no answer: it is told how far the file is.
    const isNews = header.offset === begun.offset && bytes.length > 0;
    const read = oneRead(bytes);
    const recheck = (): void => admission.recheck(caller);
    const record = isNews ? await files.receive(begun, { offset: header.offset, read, recheck }) : begun;
    return record.offset === record.bytes ? files.finish(record) : record;
  };

  return async (connection: HubConnection, frame: Received): Promise<void> => {
    const { caller, isExempt } = connection;
    if (caller === undefined) throw new ChatError("AUTH_REQUIRED");
    admission.recheck(caller);
    const { header } = frame;
    const { conversation_id: conversation } = header;
    // Before anything is stored for a conversation that it cannot come to.
    if (conversation !== undefined) await files.demandSending(caller, conversation);
    const announced = { clientId: header.id, name: header.name, mediaType: header.media_type, bytes: header.bytes };
    const free = files.takeRoom({ caller, isExempt });
    try {
      const record = await append(caller, frame, await files.begin({ caller, isExempt }, announced));
      const isWhole = record.status === "stored" && conversation !== undefined;
      tell(connection, header, isWhole ? await files.attach(caller, record.file_id, conversation) : record);
    } finally {
      free();
    }
  };
}

/** All of it at once, and then nothing. */
function oneRead(bytes: Uint8Array): () => Promise<Buffer | undefined> {
  let left: Buffer | undefined = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return () => {
    const all = left;
    left = undefined;
    return Promise.resolve(all);
  };
}
