import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import { badRequest, sendError, sendJson } from "./api-error.ts";

/** Named so that nobody takes its vectors for those of a model. */
const embeddingsModel = "parley-simulated-embeddings";
const dimensions = 256;

const EmbeddingsRequest = z.object({
  /** Whichever is asked for, this one answers. */
  model: z.string(),
  input: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(2_048)]),
  dimensions: z.number().int().min(8).max(1_024).optional(),
});

/** Answers `POST /v1/embeddings`: texts that share words, or parts of words, are alike. Nothing is understood. */
export function answerEmbeddings(_req: IncomingMessage, res: ServerResponse, body: Buffer): void {
  const parsed = EmbeddingsRequest.safeParse(parseJson(body));
  if (!parsed.success) return sendError(res, badRequest("The request is no request for embeddings.", "input"));
  const { input, dimensions: size = dimensions } = parsed.data;
  const texts = typeof input === "string" ? [input] : input;
  const tokens = texts.reduce((sum, text) => sum + Math.ceil(text.length / 4), 0);
  const data = texts.map((text, index) => ({ object: "embedding", index, embedding: vectorOf(text, size) }));
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  sendJson(res, 200, JSON.stringify({ object: "list", model: embeddingsModel, data, usage }));
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Each word, and each run of four letters of it, points into a direction of its own. */
function vectorOf(text: string, size: number): number[] {
  const vector = Array.from({ length: size }, () => 0);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]{2,}/gu) ?? []) {
    add(vector, word, 1);
    for (let at = 0; at + 4 <= word.length; at++) add(vector, word.slice(at, at + 4), 0.4);
  }
  const length = Math.hypot(...vector);
  return length === 0 ? vector.with(0, 1) : vector.map((value) => Math.round((value / length) * 1e6) / 1e6);
}

function add(vector: number[], piece: string, weight: number): void {
  const hash = createHash("md5").update(piece).digest();
  const at = hash.readUInt32LE(0) % vector.length;
  vector[at] = (vector[at] ?? 0) + ((hash[4] ?? 0) % 2 === 0 ? weight : -weight);
}
