import { createClient, type Client, type ClientOptions, type Socket } from "@parley/client";
import type { ServerFrame } from "@parley/protocol";

/** A client whose connections the test plays: nothing leaves the process, and nothing happens by itself. */
export interface Setting {
  readonly client: Client;
  /** What the client sent on the present connection and nobody has taken yet. */
  readonly sent: () => SentFrame[];
  readonly receive: (...frames: readonly ServerFrame[]) => void;
  /** A connection that is ready. */
  readonly connect: () => Promise<void>;
  /** The present connection is lost. */
  readonly lose: () => void;
  readonly connections: () => number;
}

export interface SentFrame {
  readonly type: string;
  readonly id?: string;
  readonly conversation_id?: string;
  readonly message?: string;
  readonly after?: number;
}

type Listener = (event: { readonly data: unknown; readonly code: number; readonly reason: string }) => void;

class ScriptedSocket implements Socket {
  readonly sent: SentFrame[] = [];
  readonly #listeners = new Map<string, Listener[]>();

  constructor(onOpen: (socket: ScriptedSocket) => void) {
    onOpen(this);
  }

  send(data: string): void {
    this.sent.push(JSON.parse(data));
  }

  close(): void {
    // The test says when a connection ends.
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  emit(type: string, event: { readonly data?: unknown; readonly code?: number }): void {
    for (const listener of this.#listeners.get(type) ?? []) {
      listener({ data: event.data, code: event.code ?? 1006, reason: "" });
    }
  }
}

const welcome = {
  type: "welcome",
  connection_id: "k1",
  auth_required: false,
  heartbeat_ms: 20_000,
  max_message_bytes: 32_768,
  resume_window_ms: 1_800_000,
} as const;

export function createSetting(options: Partial<ClientOptions> = {}): Setting {
  const sockets: ScriptedSocket[] = [];
  const present = (): ScriptedSocket => {
    const socket = sockets.at(-1);
    if (socket === undefined) throw new Error("The client has not connected.");
    return socket;
  };
  const client = createClient({
    url: "ws://127.0.0.1/ws/chat",
    backoff: { minMs: 1, maxMs: 1 },
    random: () => 0,
    ...options,
    WebSocket: class extends ScriptedSocket {
      constructor() {
        super((socket) => sockets.push(socket));
      }
    },
  });
  const receive = (...frames: readonly ServerFrame[]): void => {
    for (const frame of frames) present().emit("message", { data: JSON.stringify(frame) });
  };
  return {
    client,
    sent: () => present().sent.splice(0),
    receive,
    connect: async () => {
      const before = sockets.length;
      const ready = client.connect();
      for (let wait = 0; wait < 200 && sockets.length === before && before > 0; wait++) {
        await new Promise((resolve) => void setTimeout(resolve, 2));
      }
      present().emit("open", {});
      receive(welcome);
      await ready;
    },
    lose: () => present().emit("close", { code: 1006 }),
    connections: () => sockets.length,
  };
}
