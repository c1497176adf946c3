import { connect } from "node:net";
import { z } from "zod";
import type { World } from "./world.ts";

const ANSWER_DEADLINE_MS = 2_000;

const Varz = z.object({
  version: z.string(),
  in_msgs: z.number(),
  out_msgs: z.number(),
  in_bytes: z.number(),
  out_bytes: z.number(),
  slow_consumers: z.number(),
  connections: z.number(),
  subscriptions: z.number(),
});
const Jsz = z.object({ messages: z.number(), bytes: z.number(), streams: z.number(), consumers: z.number() });

/** What NATS says about itself on its monitoring port. */
export const NatsFigures = Varz.extend({
  stored_messages: z.number(),
  stored_bytes: z.number(),
  consumers: z.number(),
});
export type NatsFigures = z.infer<typeof NatsFigures>;

async function get<T extends z.ZodType>(schema: T, url: string): Promise<z.infer<T>> {
  const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_DEADLINE_MS) });
  return schema.parse(await response.json());
}

export async function readNats({ natsMonitorPort }: Pick<World, "natsMonitorPort">): Promise<NatsFigures> {
  const base = `http://127.0.0.1:${natsMonitorPort}`;
  const [varz, jsz] = await Promise.all([get(Varz, `${base}/varz`), get(Jsz, `${base}/jsz`)]);
  return { ...varz, stored_messages: jsz.messages, stored_bytes: jsz.bytes, consumers: jsz.consumers };
}

export interface RedisFigures {
  readonly version: string;
  readonly commands: number;
  readonly memoryBytes: number;
  readonly clients: number;
}

/** What Redis says about itself: one INFO over a socket of its own. */
export async function readRedis({ redis }: Pick<World, "redis">): Promise<RedisFigures> {
  const text = await ask(redis.port, "INFO\r\nQUIT\r\n");
  const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(text)?.[1] ?? "";
  return {
    version: field("redis_version"),
    commands: Number(field("total_commands_processed")),
    memoryBytes: Number(field("used_memory")),
    clients: Number(field("connected_clients")),
  };
}

function ask(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect({ host: "127.0.0.1", port }, () => socket.write(request));
    socket.setTimeout(ANSWER_DEADLINE_MS, () => socket.destroy(new Error("Redis did not answer")));
    socket.on("data", (bytes) => (text += bytes.toString("utf8")));
    socket.once("error", reject);
    socket.once("close", () => resolve(text));
  });
}
