import { ServerFrame, createView, foldFrame, type ConversationView } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { WebSocket } from "ws";

export type FrameOf<Type extends ServerFrame["type"]> = Extract<ServerFrame, { type: Type }>;

export interface TestClient {
  readonly frames: readonly ServerFrame[];
  send(frame: object): void;
  sendText(text: string): void;
  /** As a binary frame, or as a text whose bytes nobody has checked. */
  sendBytes(bytes: Uint8Array, kind: "binary" | "text"): void;
  /** The next frame of this type that was not asked for before. */
  next<Type extends ServerFrame["type"]>(type: Type, within?: { readonly timeoutMs: number }): Promise<FrameOf<Type>>;
  /** What the frames of a conversation say, folded as every client does. Throws when a sequence does not rise. */
  view(conversation: string): ConversationView;
  /** The code it was closed with. */
  readonly closed: Promise<number>;
  close(): void;
  /** Reads nothing more from its socket, until `resume`. */
  pause(): void;
  resume(): void;
  /** Dies without a word. */
  terminate(): void;
}

function isOfType<Type extends ServerFrame["type"]>(frame: ServerFrame, type: Type): frame is FrameOf<Type> {
  return frame.type === type;
}

export interface ClientOptions {
  readonly protocols?: readonly string[];
  readonly origin?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A client of the native dialect that checks every frame against the protocol's schema. */
export async function connectClient(
  url: string,
  { protocols = ["parley.v1"], origin, headers = {} }: ClientOptions = {},
): Promise<TestClient> {
  const socket = new WebSocket(url, [...protocols], { headers, ...(origin === undefined ? {} : { origin }) });
  const frames: ServerFrame[] = [];
  const problems: unknown[] = [];
  const asked = new Map<string, number>();
  socket.on("message", (data: Buffer) => {
    const parsed = ServerFrame.safeParse(JSON.parse(data.toString("utf8")));
    if (parsed.success) frames.push(parsed.data);
    else problems.push(`${data.toString("utf8")}: ${parsed.error.message}`);
  });
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  await new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  socket.on("error", (error) => problems.push(error));

  const find = <Type extends ServerFrame["type"]>(type: Type): FrameOf<Type> | undefined => {
    if (problems.length > 0) throw new Error(String(problems[0]));
    for (let i = asked.get(type) ?? 0; i < frames.length; i++) {
      const frame = frames[i];
      if (frame === undefined || !isOfType(frame, type)) continue;
      asked.set(type, i + 1);
      return frame;
    }
    return undefined;
  };

  return {
    frames,
    send: (frame) => socket.send(JSON.stringify(frame)),
    sendText: (text) => socket.send(text),
    sendBytes: (bytes, kind) => socket.send(bytes, { binary: kind === "binary" }),
    next: (type, within) => eventually(() => find(type), { what: `a frame "${type}"`, ...within }),
    view(conversation) {
      let view = createView(conversation);
      for (const frame of frames) {
        if (!("seq" in frame) || !("ts" in frame) || frame.conversation_id !== conversation) continue;
        if (frame.seq <= view.seq) throw new Error(`seq ${frame.seq} came after ${view.seq}`);
        view = foldFrame(view, frame);
      }
      return view;
    },
    closed,
    close: () => socket.close(),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    terminate: () => socket.terminate(),
  };
}
