import { openBus } from "@parley/bus";
import { messageRecordsOf, turnOfRecord, type NewTurnRecord } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { startNats } from "@parley/testkit";
import { median, rounded } from "../measure/statistics.ts";
import { turnRecord } from "./records.ts";

const formats = [1, 2] as const;
const log = createLogger({ service: "bench", level: "fatal", format: "json" });

export interface ColdRead {
  readonly turns: number;
  readonly format: (typeof formats)[number];
  readonly ms: number;
}

function recordsOf(conversation: string, turn: number, format: (typeof formats)[number]): NewTurnRecord[] {
  const record = turnRecord(conversation, turn);
  return format === 2 ? [record] : messageRecordsOf(record, turnOfRecord(record, 0));
}

/** How long a process that has read nothing yet takes for the newest turns of a conversation, in each version; both read in turns. */
export async function measureColdReads(sizes: readonly number[], rounds: number): Promise<ColdRead[]> {
  await using nats = await startNats();
  const writer = await openBus({ servers: nats.url, name: "bench", log });
  const most = Math.max(...sizes);
  for (let turn = 0; turn < most; turn++) {
    for (const format of formats) {
      const [first, ...others] = recordsOf(`c-${format}`, turn, format);
      if (first !== undefined) await writer.transcripts.append(first, ...others);
    }
  }
  const times = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    for (const turns of sizes) {
      for (const format of formats) {
        const reader = await openBus({ servers: nats.url, name: "bench", log });
        const startedAt = performance.now();
        const page = await reader.transcripts.tail(`c-${format}`, { limit: 2 * turns });
        const ms = performance.now() - startedAt;
        await reader.close();
        if (page.turns.length < turns) throw new Error(`${page.turns.length} of ${turns} turns were read`);
        const key = `${turns} ${format}`;
        times.set(key, [...(times.get(key) ?? []), ms]);
      }
    }
  }
  await writer.close();
  return sizes.flatMap((turns) =>
    formats.map((format) => ({ turns, format, ms: rounded(median(times.get(`${turns} ${format}`) ?? [])) })),
  );
}
