import { readFile } from "node:fs/promises";
import { decodeJson, parseEventSubject, StoredEvent, type LogRecord } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { z } from "zod";
import type { ModelRequest, StoredAt } from "./history.ts";
import type { World } from "./world/world.ts";

/** Messages of a conversation, far above what any scenario writes. */
const mostRecords = 1_000;

/** The event log and the transcript of a conversation. Tried again while the broker has trouble. */
export function readConversation(
  { bus }: Pick<World, "bus">,
  conversation: string,
): Promise<{ events: StoredAt[]; records: LogRecord[] }> {
  return eventually(
    async () => {
      const messages = await bus.events.read(conversation, { fromSeq: 1 });
      const { records } = await bus.transcripts.tail(conversation, { limit: mostRecords });
      const events = messages.map(({ subject, seq, data }) => {
        const { turn = "", channel = "" } = parseEventSubject(subject) ?? {};
        return { seq, turn, channel, event: decodeJson(StoredEvent, data) };
      });
      return { events, records };
    },
    { what: `the log of ${conversation}`, timeoutMs: 30_000, intervalMs: 200 },
  );
}

/** How often each call of `demo_counter` was executed: it writes a line for each. */
export async function readExecutions({ counterFile }: World): Promise<ReadonlyMap<string, number>> {
  // Without an execution there is no file.
  const text = await readFile(counterFile, "utf8").catch(() => "");
  const counts = new Map<string, number>();
  for (const call of text.split("\n").filter((line) => line !== "")) counts.set(call, (counts.get(call) ?? 0) + 1);
  return counts;
}

const ModelRequests = z.array(
  z.object({
    client_request_id: z.string().nullable(),
    at: z.number(),
    state: z.string(),
    ended_at: z.number().nullable(),
  }),
);

export async function readModelRequests({ model }: Pick<World, "model">): Promise<readonly ModelRequest[]> {
  const response = await fetch(`http://127.0.0.1:${model.port}/sim/requests`);
  return ModelRequests.parse(await response.json());
}
