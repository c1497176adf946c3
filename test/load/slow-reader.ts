import { shownTurn } from "@parley/testkit";
import {
  type ConversationView,
  createView,
  EventFrame,
  foldFrame,
  nativeSubprotocol,
  SnapshotFrame,
} from "@parley/protocol";
import { once } from "node:events";
import { WebSocket } from "ws";
import { chatPath, authFrame, messageFrame, readFrame } from "../../loadtest/wire.ts";
import { expectedAnswer, questionFor } from "../../loadtest/schedule.ts";

export interface SlowReaderOptions {
  readonly port: number;
  readonly user: string;
  readonly token: string;
}

/** A client in Node, because k6 cannot stop reading: it reads all that comes, always. */
export interface SlowReader {
  stop(): void;
  /** Asks for more than a megabyte. */
  askMuch(): void;
  readAgain(): void;
  /** Whether the last answer of each conversation has come, whole, before the signal. */
  untilWhole(signal: AbortSignal): Promise<boolean>;
  snapshots(): number;
  /** The close code, as soon as the server has ended it. Undefined: it has not, before the signal. */
  untilClosed(signal: AbortSignal): Promise<number | undefined>;
  close(): void;
}

const connectMs = 10_000;
const pace = { tokens: 5, rate: 0 };
/** Each in a conversation of its own: it is to be slow reading that is tested, not a long queue. */
const questions = 8;
/** An argument of this size comes back six times: in the message, the call, its result and the end. */
const argumentBytes = 28_000;
/** The model gives it in one piece: in thousands of pieces at once it would keep the agent worker busy, and that is not what is tested here. */
const call = `deviate=objectargs tool=demo_echo args={"text":"${"x".repeat(argumentBytes)}"}`;
const question = questionFor(pace, call);
const shownTypes: ReadonlySet<string> = new Set([
  "token",
  "turn_restarted",
  "complete",
  "cancelled",
  "error",
  "snapshot",
]);

export async function startSlowReader({ port, user, token }: SlowReaderOptions): Promise<SlowReader> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${chatPath}`, nativeSubprotocol);
  const views = new Map<string, ConversationView>();
  const lastTurns = new Map<string, string>();
  let snapshots = 0;
  let isTorn = false;
  let code: number | undefined;

  const accept = (text: string): void => {
    const { type, conversation, turn } = readFrame(text);
    if (type === "auth_success") socket.emit("ready");
    if (type === "accepted") lastTurns.set(conversation, turn);
    if (type === "snapshot") snapshots++;
    const view = views.get(conversation);
    if (view === undefined || !shownTypes.has(type) || (type === "error" && turn === "")) return;
    const json: unknown = JSON.parse(text);
    const frame = type === "snapshot" ? SnapshotFrame.parse(json) : EventFrame.parse(json);
    // The fold puts right what an end shows to be wrong.
    if ("response" in frame && shownTurn(view, turn)?.text !== frame.response) isTorn = true;
    views.set(conversation, foldFrame(view, frame));
  };
  socket.on("message", (data: Buffer) => accept(data.toString("utf8")));
  socket.on("error", () => undefined);
  socket.on("close", (closedWith) => (code = closedWith));
  socket.on("open", () => socket.send(authFrame(token)));
  await once(socket, "ready", { signal: AbortSignal.timeout(connectMs) });

  const isWhole = (): boolean =>
    !isTorn &&
    [...views].every(([conversation, view]) => {
      const turn = shownTurn(view, lastTurns.get(conversation) ?? "");
      return turn?.status === "complete" && turn.text.endsWith(expectedAnswer(pace));
    });

  return {
    stop: () => socket.pause(),
    askMuch() {
      for (let index = 0; index < questions; index++) {
        const conversation = `${user}-${views.size}`;
        views.set(conversation, createView(conversation));
        socket.send(messageFrame({ id: conversation, conversation, text: question }));
      }
    },
    readAgain: () => socket.resume(),
    async untilWhole(signal) {
      while (!isWhole() && code === undefined && !signal.aborted) {
        await once(socket, "message", { signal }).catch(() => undefined);
      }
      return isWhole();
    },
    snapshots: () => snapshots,
    async untilClosed(signal) {
      if (code === undefined) await once(socket, "close", { signal }).catch(() => undefined);
      return code;
    },
    close: () => socket.terminate(),
  };
}
