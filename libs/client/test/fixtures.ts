import { WebSocket } from "ws";
import { createClient, type Client, type ClientOptions, type ClientState } from "@parley/client";
import { strict } from "@parley/client/strict";
import { startScriptedServer, type ScriptedServer, type ServerConnection } from "./scripted-server.ts";

/** Back-off small enough for tests; the jitter takes its minimum, so it is exactly `minMs`. */
export const quick = { WebSocket, check: strict.check, backoff: { minMs: 1, maxMs: 1 }, random: () => 0 } as const;

export interface Setting {
  readonly server: ScriptedServer;
  readonly client: Client;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

export async function startSetting(options: Partial<ClientOptions> = {}): Promise<Setting> {
  const server = await startScriptedServer();
  const token = options.getToken === undefined ? { token: "secret" } : {};
  const client = createClient({ ...quick, url: server.url, ...token, ...options });
  return {
    server,
    client,
    [Symbol.asyncDispose]: async () => {
      client.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** A client that is ready, and the server's side of its connection. */
export async function startReady(options: Partial<ClientOptions> = {}) {
  const setting = await startSetting(options);
  const connection = await connect(setting);
  return { ...setting, connection };
}

export async function connect({ server, client }: Setting): Promise<ServerConnection> {
  const ready = client.connect();
  const connection = await server.connection();
  await connection.welcome();
  await ready;
  return connection;
}

export function nextState<N extends ClientState["name"]>(
  client: Client,
  name: N,
): Promise<Extract<ClientState, { name: N }>> {
  return new Promise((resolve) => {
    const off = client.on("state", (state) => {
      if (!isNamed(state, name)) return;
      off();
      resolve(state);
    });
  });
}

function isNamed<N extends ClientState["name"]>(
  state: ClientState,
  name: N,
): state is Extract<ClientState, { name: N }> {
  return state.name === name;
}

const common = { conversation_id: "c1", turn_id: "t1", ts: 0 };

export const frames = {
  accepted: (id: string, turn_id = "t1") => ({
    type: "accepted",
    id,
    conversation_id: "c1",
    turn_id,
    message_id: `${turn_id}-u`,
    position: 0,
  }),
  subscribed: (seq: number, conversation_id = "c1") => ({ type: "subscribed", conversation_id, mode: "replay", seq }),
  token: (seq: number, n: number, token: string, attempt = 1) => ({ seq, type: "token", ...common, attempt, n, token }),
  complete: (seq: number, n: number, response: string) => ({
    seq,
    type: "complete",
    ...common,
    attempt: 1,
    n,
    response,
    message_id: "t1-a",
    tool_calls: [],
    usage: { input_tokens: 1, output_tokens: 1 },
    metadata: {},
  }),
  snapshot: (seq: number, text: string) => ({
    seq,
    type: "snapshot",
    conversation_id: "c1",
    turn_id: "t1",
    attempt: 1,
    text,
    tool_calls: [],
    status: "running",
    ts: 0,
  }),
  error: (code: string, more: object = {}) => ({ type: "error", error: "No.", code, retryable: false, ...more }),
} as const;

/** Leaves what is under way to be rejected when the test closes its client. */
export function leave(asked: Promise<unknown>): void {
  asked.catch(() => {});
}
