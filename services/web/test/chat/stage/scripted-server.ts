import type { Socket, SocketConstructor } from "@parley/client";
import { messageIdOf } from "@parley/protocol/fold";
import type { TranscriptMessage } from "@parley/protocol";

/** A server of one conversation inside the page: it says what a test wants it to say, as fast as it wants. */
export interface ScriptedServer {
  readonly WebSocket: SocketConstructor;
  readonly conversationId: string;
  /** A page of the transcript, as over HTTP. */
  readonly page: (before?: string) => Promise<{ messages: TranscriptMessage[]; before?: string }>;
  /** Begins to answer a question; resolves when all of it has been sent. */
  readonly stream: (options: { readonly text: string; readonly perSecond: number }) => Promise<void>;
  /** Sends a frame of the conversation, with the next cursor. */
  readonly event: (frame: object) => void;
  /** Sends a frame as it is. */
  readonly say: (frame: object) => void;
  /** Drops the connection; while `isDown` no other one is made. */
  readonly drop: (isDown: boolean) => void;
  /** What happens to messages that come. */
  answers: "text" | "nothing" | "refuse";
  /** All frames but pings, as they came. */
  readonly heard: readonly object[];
  /** What happens to frames that this server does not know. */
  others: (frame: Record<string, string>) => void;
}

interface ScriptedOptions {
  readonly transcript: readonly TranscriptMessage[];
  /** Messages of a page of the transcript, and of a snapshot. */
  readonly pageLength?: number;
  readonly tailLength?: number;
  /** How the subscription is answered; undefined: never. */
  readonly subscription?: "snapshot" | "NOT_FOUND" | "FORBIDDEN" | "OVERLOADED" | "never";
  /** What else the snapshot says. */
  readonly more?: object | undefined;
  /** Who looks at it, where the server says so. */
  readonly user?: object | undefined;
}

const conversationId = "c1";

/** What a page that was kept from running gets at once; the rest is late, as over a wire that is full. */
const burstMs = 50;

export function createScriptedServer(options: ScriptedOptions): ScriptedServer {
  const { transcript, more = {}, subscription = "snapshot", pageLength = 50, tailLength = 50 } = options;
  const heard: object[] = [];
  let seq = 100;
  let turns = 0;
  let isDown = false;
  let socket: ScriptedSocket | undefined;
  const say = (frame: object): void => socket?.tell(frame);
  const event = (frame: object): void => say({ conversation_id: conversationId, ts: Date.now(), ...frame, seq: ++seq });

  class ScriptedSocket implements Socket {
    readonly #listeners = new Map<string, ((value: never) => void)[]>();
    constructor() {
      queueMicrotask(() => (isDown ? this.#emit("close", { code: 1006, reason: "" }) : this.#open()));
    }
    addEventListener(type: string, listener: (value: never) => void): void {
      this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
    }
    send(data: string): void {
      const frame: Record<string, string> = JSON.parse(data);
      // As over a wire: never before the sender has gone on.
      setTimeout(() => receive(frame), 0);
    }
    close(): void {
      if (socket === this) socket = undefined;
    }
    cut(): void {
      this.#emit("close", { code: 1006, reason: "" });
    }
    tell(frame: object): void {
      this.#emit("message", { data: JSON.stringify(frame) });
    }
    #open(): void {
      // oxlint-disable-next-line typescript/no-this-alias -- the connection that is there, for whoever speaks over it
      socket = this;
      this.#emit("open", undefined);
      const limits = { heartbeat_ms: 60_000, max_message_bytes: 32_768, resume_window_ms: 60_000 };
      this.tell({ type: "welcome", connection_id: "s", auth_required: false, ...limits });
    }
    #emit(type: string, value: unknown): void {
      for (const listener of this.#listeners.get(type) ?? []) listener(value as never);
    }
  }

  function receive(frame: Record<string, string>): void {
    if (frame["type"] === "ping") return say({ type: "pong" });
    if (frame["type"] === "auth")
      return say({ type: "auth_success", message: "Hello.", user: options.user, expires_at: Date.now() + 3_600_000 });
    heard.push(frame);
    if (frame["type"] === "subscribe") return subscribe(frame);
    if (frame["type"] === "message") return void receiveMessage(frame);
    if (frame["type"] === "cancel") return void (cancelled = true);
    if (frame["type"] === "title") return event({ type: "title", n: ++turns, title: frame["title"] });
    return server.others(frame);
  }

  function subscribe({ after }: Record<string, string>): void {
    const common = { conversation_id: conversationId };
    if (subscription === "never") return;
    if (subscription !== "snapshot") {
      const retryable = subscription === "OVERLOADED";
      say({ type: "error", ...common, frame: "subscribe", error: "Not now.", code: subscription, retryable });
      return;
    }
    if (after !== undefined) return say({ type: "subscribed", ...common, mode: "live", seq });
    say({ type: "subscribed", ...common, mode: "snapshot", seq: 1 });
    event({
      type: "snapshot",
      status: "idle",
      title: "Pods of the shop",
      messages: transcript.slice(-tailLength),
      ...more,
    });
  }

  async function receiveMessage(frame: Record<string, string>): Promise<void> {
    const { id = "", message = "" } = frame;
    if (server.answers === "nothing") return;
    if (server.answers === "refuse") {
      const error = { error: "The service is overloaded. Try again shortly.", code: "OVERLOADED", retryable: true };
      return say({ type: "error", conversation_id: conversationId, id, frame: "message", ...error });
    }
    const turn_id = `t${++turns}`;
    const message_id = messageIdOf(turn_id, "user");
    say({ type: "accepted", id, conversation_id: conversationId, turn_id, message_id, position: 0 });
    event({ type: "message", turn_id, message_id, id, author: { role: "user", id: "u" }, message });
    const [, count = "60", perSecond = "60"] = /stream (\d+) (\d+)/.exec(message) ?? [];
    await answer(turn_id, markdownOf(Number(count)), Number(perSecond));
  }

  let cancelled = false;

  async function answer(turn_id: string, text: string, perSecond: number): Promise<void> {
    let n = 0;
    cancelled = false;
    const chain = (frame: object) => event({ turn_id, attempt: 1, n: ++n, ...frame });
    chain({ type: "thinking", message: "…" });
    const tokens = text.match(/\s*\S+|\s+$/g) ?? [];
    const startedAt = performance.now();
    let sent = 0;
    while (sent < tokens.length && !cancelled) {
      const due = Math.min(
        tokens.length,
        sent + perSecond * (burstMs / 1000),
        Math.ceil(((performance.now() - startedAt) / 1000) * perSecond),
      );
      for (; sent < due; sent++) chain({ type: "token", token: tokens[sent] });
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
    const response = tokens.slice(0, sent).join("");
    const end = { message_id: messageIdOf(turn_id, "assistant"), response, tool_calls: [] };
    const usage = { input_tokens: 20, output_tokens: sent };
    if (cancelled) return chain({ type: "cancelled", ...end, usage, reason: "cancelled by user" });
    chain({ type: "complete", ...end, usage, metadata: { agent: "general", model: "scripted" } });
  }

  const server: ScriptedServer = {
    WebSocket: ScriptedSocket,
    conversationId,
    answers: "text",
    heard,
    others: () => undefined,
    page: async (before) => {
      const end = before === undefined ? transcript.length : Number(before);
      const start = Math.max(0, end - pageLength);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { messages: transcript.slice(start, end), ...(start > 0 ? { before: String(start) } : {}) };
    },
    stream: ({ text, perSecond }) => {
      const turn_id = `t${++turns}`;
      const author = { role: "user", id: "u" };
      event({
        type: "message",
        turn_id,
        message_id: messageIdOf(turn_id, "user"),
        id: turn_id,
        author,
        message: "Go on.",
      });
      return answer(turn_id, text, perSecond);
    },
    event,
    say,
    drop: (down) => {
      isDown = down;
      const lost = socket;
      socket = undefined;
      lost?.cut();
    },
  };
  return server;
}

/** So many words of an answer as models write them: headings, lists, code, a table now and then. */
export function markdownOf(words: number): string {
  const blocks: string[] = [];
  for (let done = 0; done < words;) {
    const block = blockOf(blocks.length, done);
    blocks.push(block);
    done += block.split(/\s+/).length;
  }
  return blocks
    .join("\n\n")
    .split(/(?<=\s)/)
    .slice(0, words)
    .join("");
}

function blockOf(place: number, from: number): string {
  const words = Array.from({ length: 40 }, (_, index) => `w${from + index}`).join(" ");
  if (place % 7 === 1) return `## Part ${place}\n\n${words}`;
  if (place % 7 === 3) return `- **first** ${words.slice(0, 60)}\n- second \`code\`\n- third`;
  if (place % 7 === 5) return `\`\`\`yaml\napiVersion: v1\nkind: Pod\nmetadata:\n  name: web-${place}\n\`\`\``;
  if (place % 14 === 6) return `| name | ready |\n|---|---|\n| web-${place} | 1/1 |\n| db-${place} | 0/1 |`;
  return `${words}.`;
}

/** A transcript of so many messages, questions and answers by turns, an hour apart. */
export function transcriptOf(count: number, now = Date.now()): TranscriptMessage[] {
  return Array.from({ length: count }, (_, index): TranscriptMessage => {
    const isQuestion = index % 2 === 0;
    const turn_id = `old${index >> 1}`;
    const length = 10 + ((index * 37) % 90);
    const common = { turn_id, status: "complete", ts: now - (count - index) * 1_800_000 } as const;
    if (isQuestion) {
      const message = `Question ${index >> 1}: what of pod web-${index}?`;
      return { ...common, message_id: `${turn_id}-user`, author: { role: "user", id: "u" }, message };
    }
    const message = `Answer ${index >> 1}. ${markdownOf(length)}`;
    const usage = { input_tokens: 10, output_tokens: length };
    const metadata = { agent: "general" };
    return { ...common, message_id: `${turn_id}-assistant`, author: { role: "assistant" }, message, usage, metadata };
  });
}
