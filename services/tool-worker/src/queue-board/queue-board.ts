import { createHash, timingSafeEqual } from "node:crypto";
import { connectRedis, type redisAddress } from "@parley/bus";
import { ToolJob, toolQueueName } from "@parley/protocol";
import type { AdminPage, Logger } from "@parley/runtime";
import { z } from "zod";
import { createBoardServer } from "./board-server.ts";

export interface QueueBoardDeps {
  readonly redis: ReturnType<typeof redisAddress>;
  /** Whoever knows it may look. */
  readonly token: string;
  readonly log: Logger;
}

const PREFIX = "/queues";

/** Pages of a browser ask for nothing elsewhere, run nothing that is written into them, and are in no other page. */
const headers = {
  "content-security-policy":
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/**
 * bull-board: the queue of tool calls as people can look at it, at the admin port. It changes nothing, and shows neither arguments nor results: they are anybody's
 * data. A browser asks for the password; the name is of no importance.
 */
export async function openQueueBoard({ redis: address, token, log }: QueueBoardDeps): Promise<{
  readonly page: AdminPage;
  close(): Promise<void>;
}> {
  // Only now: who has no board does not pay for its modules.
  const [{ Queue }, { createBullBoard }, { BullMQAdapter }] = await Promise.all([
    import("bullmq"),
    import("@bull-board/api"),
    import("@bull-board/api/bullMQAdapter"),
  ]);
  const redis = connectRedis({ ...address, role: "queue", log });
  const queue = new Queue(toolQueueName, { connection: redis, skipMetasUpdate: true });
  queue.on("error", (error) => log.debug({ reason: error.message }, "the board's queue reports an error"));
  const shown = new BullMQAdapter(queue, {
    readOnlyMode: true,
    description: "Calls of tools. Arguments are not shown.",
  });
  shown.setFormatter("data", masked);
  shown.setFormatter("returnValue", () => "");
  const server = createBoardServer();
  const uiConfig = { boardTitle: "Parley", showWorkers: false, hideDocsLink: true };
  createBullBoard({ queues: [shown], serverAdapter: server.adapter, options: { uiConfig } });
  const answer = await server.open(`${PREFIX}/`);

  return {
    page: {
      prefix: PREFIX,
      async answer({ path, query, authorization }) {
        if (!isTheToken(authorization, token)) return unauthorised;
        const reply = await answer({ path: path.slice(PREFIX.length) || "/", query });
        return { ...reply, headers };
      },
    },
    async close() {
      await queue.close();
      redis.disconnect();
    },
  };
}

const unauthorised = {
  status: 401,
  type: "application/json",
  body: '{"error":"This needs the admin token."}',
  headers: { ...headers, "www-authenticate": 'Basic realm="Parley", charset="UTF-8"' },
};

/** As a browser says it, or as `curl` does. */
function isTheToken(authorization: string, token: string): boolean {
  const [, scheme = "", credential = ""] = /^(Basic|Bearer) +(\S+)$/i.exec(authorization) ?? [];
  const isBasic = scheme.toLowerCase() === "basic";
  const given = isBasic
    ? Buffer.from(credential, "base64")
        .toString()
        .replace(/^[^:]*:/, "")
    : credential;
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** One whose words are encrypted. */
const SealedCall = ToolJob.pick({ user: true, conversation_id: true, turn_id: true, call_id: true }).extend({
  sealed: z.string().transform(() => undefined),
});

/** What can be shown of a call: what it is, whose, and where it belongs. */
function masked(data: unknown): unknown {
  const sealed = SealedCall.safeParse(data);
  if (sealed.success) return { ...sealed.data, user: sealed.data.user.id, arguments: "encrypted" };
  const { success, data: job } = ToolJob.safeParse(data);
  if (!success) return "not a call as this version knows it";
  const { call_id, tool_name, conversation_id, turn_id, timeout_ms, user } = job;
  const names = Object.keys(job.arguments).map((name) => [name, "not shown"] as const);
  return {
    tool_name,
    arguments: Object.fromEntries<string>(names),
    user: user.id,
    conversation_id,
    turn_id,
    call_id,
    timeout_ms,
  };
}
