import { z } from "zod";
import { createHttpExchange } from "./http-exchange.ts";
import type { Provider } from "./provider.ts";

/** Makes texts into vectors of length 1, in their order. Rejects when the provider refuses, says something else, or the signal is aborted. */
export type Embed = (texts: readonly string[], signal: AbortSignal) => Promise<Float32Array[]>;

const Answer = z.object({
  data: z.array(z.object({ index: z.number().int().nonnegative(), embedding: z.array(z.number()).min(1).max(8_192) })),
});

/** A hundred vectors of the largest models. */
const mostBytes = 16 * 1024 * 1024;

/** The `/embeddings` of the provider that answers, or of any server that speaks as OpenAI does. */
export function createEmbeddingClient({ baseURL, apiKey, headers }: Provider, model: string): Embed {
  const exchange = createHttpExchange();
  const url = new URL(`${baseURL.replace(/\/+$/, "")}/embeddings`);
  const head = { ...headers, authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
  return async (texts, signal) => {
    const body = JSON.stringify({ model, input: texts, encoding_format: "float" });
    const reply = await exchange.post(url, { headers: head, body }, signal);
    const text = await readText(reply.body);
    if (reply.status !== 200) throw new Error(`the provider answered ${reply.status} to a request for embeddings`);
    const { data } = Answer.parse(JSON.parse(text));
    const inOrder = texts.map((_, nth) => data.find(({ index }) => index === nth)?.embedding);
    const vectors = inOrder.flatMap((vector) => (vector === undefined ? [] : [unit(vector)]));
    const isOdd = vectors.length !== texts.length || new Set(vectors.map(({ length }) => length)).size > 1;
    if (isOdd) throw new Error("the provider answered with other embeddings than were asked for");
    return vectors;
  };
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > mostBytes) throw new Error("the provider's embeddings are larger than is read");
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

function unit(vector: readonly number[]): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  if (!(length > 0) || !Number.isFinite(length)) throw new Error("the provider answered with an embedding of nothing");
  return Float32Array.from(vector, (value) => value / length);
}
