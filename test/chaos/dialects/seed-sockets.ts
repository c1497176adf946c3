import { WebSocket, type RawData } from "ws";
import { z } from "zod";
import { twoStatuses, type Seen, type Words } from "./seen.ts";
import { Breach, jsonOf, readAs, textOfMessage, Typed, type Visit } from "./visit.ts";

/** A client of a seed: it sees what it asked itself, on the connection on which it asked, and has no way to come back. */
export interface SeedSocket {
  readonly name: string;
  readonly words: Words;
  /** Resolves at the end; rejects when the connection breaks first, and for a breach. */
  readonly ask: (visit: Visit, conversation: string, message: string) => Promise<Seen>;
}

interface Fold {
  take(frame: Typed): void;
  /** Undefined: it is not over. */
  ended(): Seen | undefined;
}

function seedSocket(
  name: string,
  words: Words,
  spoken: (conversation: string) => object,
  createFold: () => Fold,
): SeedSocket {
  return {
    name,
    words,
    ask({ origin, token, signal }, conversation, message) {
      const fold = createFold();
      const socket = new WebSocket(`${origin.replace(/^http/, "ws")}/ws/chat?token=${token}`);
      const cut = (): void => socket.terminate();
      signal.addEventListener("abort", cut);
      return new Promise<Seen>((resolve, reject) => {
        socket.on("open", () => socket.send(JSON.stringify({ ...spoken(conversation), message })));
        socket.on("message", (data: RawData) => {
          try {
            fold.take(readAs(Typed, jsonOf(textOfMessage(data))));
            const seen = fold.ended();
            // What follows an end comes with it.
            if (seen !== undefined) setTimeout(() => resolve(seen), afterEndMs);
          } catch (error) {
            reject(error);
          }
        });
        socket.on("error", reject);
        socket.on("close", () => reject(new Error("closed")));
      }).finally(() => {
        signal.removeEventListener("abort", cut);
        socket.terminate();
      });
    },
  };
}

const afterEndMs = 150;

const Call = z.looseObject({ call_id: z.string(), tool_name: z.string(), status: z.string().optional() });
const DataA = z.looseObject({
  text: z.string().optional(),
  message: z.string().optional(),
  code: z.string().optional(),
  tool_calls: z.array(Call).optional(),
  cancelled: z.literal(true).optional(),
});
const FrameC = z.looseObject({
  token: z.string().optional(),
  partial_response: z.string().optional(),
  response: z.string().optional(),
  code: z.string().optional(),
  metadata: z.looseObject({ cancelled: z.literal(true).optional() }).optional(),
});

/** Calls by their ids, as both seeds tell them. */
function createCalls() {
  const calls = new Map<string, { readonly name: string; status: string }>();
  return {
    take(type: string, data: unknown): void {
      const { call_id, tool_name: name, status = "open" } = readAs(Call, data);
      const known = calls.get(call_id);
      if ((type === "tool_call_start") !== (known === undefined)) throw new Breach(`${type} is not in its place`);
      if (known !== undefined && known.status !== "open") throw new Breach("a call ends twice");
      calls.set(call_id, { name, status: type === "tool_call_end" ? status : "open" });
    },
    all: (): Seen["calls"] => [...calls.values()],
  };
}

function endOf(code: string | undefined, isCancelled: boolean): string {
  if (code !== undefined) return `error:${code}`;
  return isCancelled ? "cancelled" : "complete";
}

/** It only adds texts up. */
export const seedA = seedSocket(
  "seed A",
  twoStatuses,
  (conversation_id) => ({ conversation_id }),
  () => {
    const calls = createCalls();
    let text = "";
    let seen: Seen | undefined;
    return {
      take({ type, ...frame }) {
        if (seen !== undefined) throw new Breach(`${type} after the end`);
        const data = readAs(DataA, frame["data"] ?? {});
        if (type === "text") text += data.text ?? "";
        if (type.startsWith("tool_call_")) calls.take(type, data);
        if (type !== "complete" && type !== "error") return;
        if (type === "complete" && data.message !== text) throw new Breach("its texts are not its message");
        const end = endOf(type === "error" ? String(data.code) : undefined, data.cancelled === true);
        seen = { text, reasoning: undefined, calls: calls.all(), end };
      },
      ended: () => seen,
    };
  },
);

/** It shows `partial_response`. */
export const seedC = seedSocket(
  "seed C",
  twoStatuses,
  (session_id) => ({ type: "message", session_id }),
  () => {
    const calls = createCalls();
    let text = "";
    let seen: Seen | undefined;
    return {
      take(frame) {
        const { type } = frame;
        if (seen !== undefined) throw new Breach(`${type} after the end`);
        const { partial_response, response, code, metadata } = readAs(FrameC, frame);
        if (type === "token") text = partial_response ?? "";
        if (/^tool_call_(start|end)$/.test(type)) calls.take(type, frame);
        if (type !== "complete" && type !== "error") return;
        if (type === "complete" && response !== text) throw new Breach("its last partial response is not its response");
        const end = endOf(type === "error" ? String(code) : undefined, metadata?.cancelled === true);
        seen = { text, reasoning: undefined, calls: calls.all(), end };
      },
      ended: () => seen,
    };
  },
);
