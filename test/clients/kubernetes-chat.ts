import { WebSocket } from "ws";
import { z } from "zod";

/**
 * The page of seed A as far as the socket goes, in our words: it connects when it is loaded, without any token, adds streamed text to the
 * last assistant message, and keeps the finished tool calls.
 */

const conversation = { conversation_id: z.string() };
/** `call_id` is ours, beyond the document: without it two calls of one tool look the same. */
const call = { call_id: z.string(), tool_name: z.string(), arguments: z.record(z.string(), z.unknown()) };
const finished = { ...call, result: z.string(), status: z.enum(["completed", "failed"]) };

/** Every frame is one of these: dialect A has no others. */
const Frame = z.discriminatedUnion("type", [
  z.object({ type: z.literal("thinking"), data: z.object({ message: z.string() }) }),
  z.object({ type: z.literal("text"), data: z.object({ text: z.string(), ...conversation }) }),
  z.object({ type: z.literal("tool_call_start"), data: z.object({ ...call, ...conversation }) }),
  z.object({ type: z.literal("tool_call_end"), data: z.object({ ...finished, ...conversation }) }),
  z.object({
    type: z.literal("complete"),
    data: z.object({ message: z.string(), tool_calls: z.array(z.object(finished)), ...conversation }),
  }),
  z.object({
    type: z.literal("error"),
    data: z.object({ error: z.string(), code: z.string(), conversation_id: z.string().optional() }),
  }),
]);
/** The answer to a token in the address: where one is needed, this page passes over the frame as over any that it does not know. */
const AuthSuccess = z.object({ type: z.literal("auth_success") });
export type Frame = z.infer<typeof Frame>;
export type FrameOf<Type extends Frame["type"]> = Extract<Frame, { type: Type }>;

export interface KubernetesChat {
  readonly frames: readonly Frame[];
  readonly problems: readonly string[];
  /** The assistant's message as the page shows it. */
  readonly text: string;
  readonly isOpen: boolean;
  send(data: { message: string; conversation_id?: string }): void;
  disconnect(): void;
}

export async function openKubernetesChat(url: string): Promise<KubernetesChat> {
  const socket = new WebSocket(url);
  const frames: Frame[] = [];
  const problems: string[] = [];
  let text = "";
  socket.on("message", (data: Buffer) => {
    const parsed: unknown = JSON.parse(data.toString("utf8"));
    if (AuthSuccess.safeParse(parsed).success) return;
    const frame = Frame.safeParse(parsed);
    if (!frame.success) problems.push(`${data.toString("utf8")}: ${frame.error.message}`);
    else frames.push(frame.data);
    if (frame.data?.type === "text") text += frame.data.data.text;
  });
  await new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  return {
    frames,
    problems,
    get text() {
      return text;
    },
    get isOpen() {
      return socket.readyState === WebSocket.OPEN;
    },
    send(data) {
      text = "";
      socket.send(JSON.stringify(data));
    },
    disconnect: () => socket.close(),
  };
}
