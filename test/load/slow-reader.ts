import { applyFrame, createView, EventFrame, nativeSubprotocol, ServerFrame, SnapshotFrame } from "@parley/protocol";
import { once } from "node:events";
import { WebSocket } from "ws";
import { chatPath, authFrame, messageFrame } from "../../loadtest/wire.ts";
import { expectedAnswer, questionFor } from "../../loadtest/schedule.ts";

export interface SlowReaderOptions {
  readonly port: number;
  readonly user: string;
  readonly token: string;
}

export interface SlowReader {
  /** Asks for more than all buffers on the way can hold, and stops to read. */
  askAndStop(): void;
  readAgain(): void;
  /** Whether all answers have come, whole, before the signal. */
  untilWhole(signal: AbortSignal): Promise<boolean>;
  snapshots(): number;
  /** The close code, once the server has ended it. */
  closedBy(): number | undefined;
  close(): void;
}

/** Some 200 KB each, near what one answer may have, and the end of a turn brings all of it again. */
const pace = { tokens: 34_000, rate: 0 };
const questions = 8;

/** A client in Node, because k6 cannot stop reading: it reads all that comes, always. */
export async function startSlowReader({ port, user, token }: SlowReaderOptions): Promise<SlowReader> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${chatPath}`, nativeSubprotocol);
  const conversation = `slow-${user}`;
  const view = createView(conversation);
  const expected = expectedAnswer(pace);
  let snapshots = 0;
  let code: number | undefined;
  let isReady = false;

  socket.on("message", (data: Buffer) => {
    const frame = ServerFrame.parse(JSON.parse(data.toString("utf8")));
    if (frame.type === "auth_success") isReady = true;
    if (frame.type === "snapshot") snapshots++;
    if (frame.type === "snapshot") applyFrame(view, SnapshotFrame.parse(frame));
    else if ("seq" in frame && "turn_id" in frame) applyFrame(view, EventFrame.parse(frame));
  });
  socket.on("error", () => undefined);
  socket.on("close", (closedWith) => (code = closedWith));
  await once(socket, "open");
  socket.send(authFrame(token));
  while (!isReady && code === undefined) await once(socket, "message");

  const isWhole = (): boolean => {
    const turns = [...view.turns.values()];
    return turns.length === questions && turns.every(({ status, text }) => status === "complete" && text === expected);
  };

  return {
    askAndStop() {
      for (let index = 0; index < questions; index++) {
        socket.send(messageFrame({ id: `${user}-${index}`, conversation, text: questionFor(pace) }));
      }
      socket.pause();
    },
    readAgain: () => socket.resume(),
    async untilWhole(signal) {
      while (!isWhole() && code === undefined && !signal.aborted) {
        await once(socket, "message", { signal }).catch(() => undefined);
      }
      return isWhole();
    },
    snapshots: () => snapshots,
    closedBy: () => code,
    close: () => socket.terminate(),
  };
}
