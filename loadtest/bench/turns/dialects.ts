import { z } from "zod";
import { nativeProtocol } from "../sockets/access-token.ts";
import { encodeClientFrame } from "../sockets/client-frame.ts";
import { endsTurn, readFrame } from "../../wire.ts";

/** What a frame means to a person who waits for an answer. */
export type Reading =
  | { readonly kind: "ready" | "other" }
  | { readonly kind: "reply"; readonly text: string }
  | { readonly kind: "token"; readonly text: string }
  /** This is all of the answer so far, in place of what was seen. */
  | { readonly kind: "replaced"; readonly text: string }
  | { readonly kind: "end"; readonly isComplete: boolean; readonly text: string };

export interface Question {
  readonly conversation: string;
  readonly id: string;
  readonly text: string;
  readonly hasTool: boolean;
}

/** How a person speaks with one of the systems. */
export interface Dialect {
  readonly path: string;
  protocol(secret: string, user: string): string | undefined;
  ask(question: Question): string;
  read(text: string): Reading;
}

const other: Reading = { kind: "other" };

const parley: Dialect = {
  path: "/ws/chat",
  protocol: nativeProtocol,
  ask: ({ conversation, id, text, hasTool }) =>
    encodeClientFrame({
      ...{ type: "message", id, conversation_id: conversation, message: text },
      ...(hasTool ? { agent: "kubernetes" } : {}),
    }),
  read(frame) {
    const { type, text } = readFrame(frame);
    if (type === "token") return { kind: "token", text };
    if (type === "turn_restarted" || type === "snapshot") return { kind: "replaced", text };
    if (endsTurn(type)) return { kind: "end", isComplete: type === "complete", text };
    return type === "auth_success" ? { kind: "ready" } : other;
  },
};

const PeerFrame = z.object({ type: z.string(), text: z.string().optional() });

/** What both peers say: `start`, at which an answer begins from nothing, `token`, `complete` with the whole text, `error`. */
function readPeerFrame(value: unknown): Reading {
  const { type, text = "" } = PeerFrame.parse(value);
  if (type === "token") return { kind: "token", text };
  if (type === "start") return { kind: "replaced", text: "" };
  if (type === "complete" || type === "error") return { kind: "end", isComplete: type === "complete", text };
  return type === "ready" ? { kind: "ready" } : other;
}

const fastapi: Dialect = {
  path: "/ws",
  protocol: () => undefined,
  ask: ({ id, text }) => JSON.stringify({ id, text }),
  read: (frame) => readPeerFrame(JSON.parse(frame)),
};

/** Engine.IO 4 and Socket.IO 5 over a plain WebSocket: `0` open, `2` ping, `3` pong, `40` connect, `42` event. */
const socketio: Dialect = {
  path: "/socket.io/?EIO=4&transport=websocket",
  protocol: () => undefined,
  ask: ({ id, text }) => `42${JSON.stringify(["ask", { id, text }])}`,
  read(frame) {
    if (frame.startsWith("42"))
      return readPeerFrame(z.tuple([z.string(), z.unknown()]).parse(JSON.parse(frame.slice(2)))[1]);
    if (frame.startsWith("40")) return { kind: "ready" };
    if (frame.startsWith("0")) return { kind: "reply", text: "40" };
    return frame === "2" ? { kind: "reply", text: "3" } : other;
  },
};

export const dialects = { parley, socketio, fastapi } as const;
export type DialectName = keyof typeof dialects;
export const dialectNames = ["parley", "socketio", "fastapi"] as const satisfies readonly DialectName[];
