import { WebSocket } from "ws";
import { z } from "zod";

/**
 * The JavaScript client that the document of seed C shows, in our words: the same members, the same frames sent, the same fields read. It
 * must work unchanged, so it knows nothing that the document does not say.
 */

const Frame = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("auth_success"),
    user: z.object({ id: z.string(), email: z.string(), name: z.string() }),
  }),
  z.object({ type: z.literal("auth_error"), message: z.string() }),
  z.object({ type: z.literal("progress"), step: z.string(), message: z.string() }),
  z.object({ type: z.literal("token"), token: z.string(), partial_response: z.string() }),
  z.object({
    type: z.literal("complete"),
    response: z.string(),
    session_id: z.string(),
    metadata: z.object({
      agent: z.string(),
      confidence: z.number(),
      context: z.object({ sources: z.array(z.string()) }),
    }),
  }),
  z.object({ type: z.literal("error"), error: z.string(), code: z.string() }),
]);
type Frame = z.infer<typeof Frame>;
export type Metadata = Extract<Frame, { type: "complete" }>["metadata"];

const documented: ReadonlySet<string> = new Set(Frame.options.map(({ shape }) => shape.type.value));
const Typed = z.looseObject({ type: z.string() });

export interface ChatWebSocket {
  onMessage: ((token: string, partial: string) => void) | null;
  onProgress: ((step: string, message: string) => void) | null;
  onComplete: ((response: string, metadata: Metadata) => void) | null;
  onError: ((error: string, code?: string) => void) | null;
  connect(): void;
  sendMessage(message: string, sessionId?: string | null): void;
  disconnect(): void;
  /** What the document's client prints: who it is. */
  readonly authenticated: Promise<{ id: string; email: string; name: string }>;
}

export function createChatWebSocket(url: string, token?: string): ChatWebSocket {
  let socket: WebSocket | undefined;
  let authenticate: (user: { id: string; email: string; name: string }) => void;
  const authenticated = new Promise<{ id: string; email: string; name: string }>((resolve) => (authenticate = resolve));

  const receive = (text: string): void => {
    const typed = Typed.parse(JSON.parse(text));
    // As the `switch` of the document: what it does not name is passed over; what it names must have its fields.
    if (documented.has(typed.type)) dispatch(Frame.parse(typed));
  };
  const dispatch = (frame: Frame): void => {
    switch (frame.type) {
      case "auth_success":
        return authenticate(frame.user);
      case "auth_error":
        return chat.onError?.(frame.message);
      case "progress":
        return chat.onProgress?.(frame.step, frame.message);
      case "token":
        return chat.onMessage?.(frame.token, frame.partial_response);
      case "complete":
        return chat.onComplete?.(frame.response, frame.metadata);
      case "error":
        return chat.onError?.(frame.error, frame.code);
    }
  };

  const chat: ChatWebSocket = {
    onMessage: null,
    onProgress: null,
    onComplete: null,
    onError: null,
    authenticated,
    connect() {
      const opened = new WebSocket(url);
      socket = opened;
      opened.on("open", () => {
        if (token !== undefined) opened.send(JSON.stringify({ type: "auth", token }));
      });
      opened.on("message", (data: Buffer) => receive(data.toString("utf8")));
      opened.on("error", () => chat.onError?.("WebSocket error", "CONNECTION_ERROR"));
    },
    sendMessage(message, sessionId = null) {
      if (socket?.readyState !== WebSocket.OPEN) throw new Error("WebSocket not connected");
      socket.send(JSON.stringify({ type: "message", message, session_id: sessionId }));
    },
    disconnect: () => socket?.close(),
  };
  return chat;
}
