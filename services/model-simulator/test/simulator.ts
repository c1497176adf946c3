import { createLogger, listen } from "@parley/runtime";
import OpenAI from "openai";
import { createModelServer } from "../src/server.ts";

const MODEL = "parley-simulated";

type Params = OpenAI.ChatCompletionCreateParams;
export type Message = OpenAI.ChatCompletionMessageParam;

/** A real server on a free port with the provider's own client. */
export async function startSimulator() {
  const log = createLogger({ service: "model-simulator", level: "silent", format: "json" });
  const simulator = createModelServer({ tokensPerSecond: 0, log });
  const listener = await listen(simulator.server, { host: "127.0.0.1", port: 0, variable: "PORT" });
  const url = `http://127.0.0.1:${listener.port}`;
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "simulated", maxRetries: 0 });
  return {
    url,
    client,
    ask: (messages: Message[] | string, params: Partial<Params> = {}) =>
      client.chat.completions.create({ model: MODEL, ...params, messages: asMessages(messages), stream: false }),
    open: (messages: Message[] | string, params: Partial<Params> = {}, headers: Record<string, string> = {}) =>
      client.chat.completions.create(
        { model: MODEL, ...params, messages: asMessages(messages), stream: true },
        { headers },
      ),
    journal: async (query = ""): Promise<unknown> => (await fetch(`${url}/sim/requests${query}`)).json(),
    async [Symbol.asyncDispose]() {
      simulator.stop();
      await listener.close();
    },
  };
}

function asMessages(messages: Message[] | string): Message[] {
  return typeof messages === "string" ? [{ role: "user", content: messages }] : messages;
}

export type Streamed = { text: string; finishReason: string | null; chunks: OpenAI.ChatCompletionChunk[] };

export async function readStream(stream: AsyncIterable<OpenAI.ChatCompletionChunk>): Promise<Streamed> {
  const read: Streamed = { text: "", finishReason: null, chunks: [] };
  for await (const chunk of stream) {
    read.chunks.push(chunk);
    const [choice] = chunk.choices;
    read.text += choice?.delta.content ?? "";
    read.finishReason = choice?.finish_reason ?? read.finishReason;
  }
  return read;
}

export function offer(
  name: string,
  properties: Record<string, unknown> = {},
  required: string[] = [],
): OpenAI.ChatCompletionTool {
  return { type: "function", function: { name, parameters: { type: "object", properties, required } } };
}

export const CLUSTER_TOOLS = [
  offer("k8s_list_namespaces", { labelSelector: { type: "string" } }),
  offer("k8s_list_pods", { namespace: { type: "string" }, allNamespaces: { type: "boolean" } }),
  offer("k8s_pod_logs", { pod: { type: "string" }, namespace: { type: "string" }, tail: { type: "integer" } }, ["pod"]),
  offer("k8s_describe", {
    apiVersion: { type: "string" },
    kind: { type: "string" },
    name: { type: "string" },
    namespace: { type: "string" },
  }),
  offer("k8s_scale", {
    kind: { type: "string" },
    name: { type: "string" },
    namespace: { type: "string" },
    replicas: { type: "integer" },
  }),
  offer("counter", { by: { type: "integer" } }),
];
