import { z } from "zod";
import { createHttpExchange, type Reply } from "../model/http-exchange.ts";
import type { Provider } from "../model/provider.ts";

const maxAnswerBytes = 256 * 1024;

const Answer = z.object({ results: z.array(z.object({ flagged: z.boolean() })).min(1) });

/** Whether the provider's `/moderations` flags a text. Rejects when it does not say. */
export type Moderate = (text: string, model: string | undefined, signal: AbortSignal) => Promise<boolean>;

export function createModeration({
  baseURL,
  apiKey,
  headers,
}: Pick<Provider, "baseURL" | "apiKey" | "headers">): Moderate {
  const exchange = createHttpExchange();
  const url = new URL(baseURL);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/moderations`;
  return async (input, model, signal) => {
    const body = JSON.stringify({ input, ...(model === undefined ? {} : { model }) });
    const sent = { accept: "application/json", "content-type": "application/json", authorization: `Bearer ${apiKey}` };
    const reply = await exchange.post(url, { headers: { ...sent, ...headers }, body }, signal);
    const text = await textOf(reply);
    if (reply.status !== 200) throw new Error(`the moderation endpoint answered ${reply.status}`);
    return Answer.parse(JSON.parse(text)).results.some(({ flagged }) => flagged);
  };
}

async function textOf({ body, release }: Reply): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of body) {
      const piece: unknown = part;
      if (!Buffer.isBuffer(piece)) continue;
      bytes += piece.length;
      if (bytes > maxAnswerBytes) throw new Error("the moderation endpoint says too much");
      parts.push(piece);
    }
  } finally {
    release();
  }
  return Buffer.concat(parts).toString("utf8");
}
