import { openBus } from "@parley/bus";
import { parseStored, readTurnRecord, streams, subjects, type AnyTurnRecord } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import type { Broker } from "@parley/testkit";
import { testEncryption } from "./test-encryption.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

/** The records of a conversation as they are stored. */
export async function recordsIn({ url }: Broker, conversation: string): Promise<AnyTurnRecord[]> {
  const bus = await openBus({ servers: url, name: "test", log, ...(await testEncryption()) });
  const records: AnyTurnRecord[] = [];
  const { log: lastSeq } = await bus.conversations.endOf(conversation);
  for (let seq = 1; seq <= lastSeq; seq++) {
    const answer = await bus.nc.request(subjects.directGet(streams.log(0)), JSON.stringify({ seq }));
    if (answer.headers?.get("Nats-Subject") !== subjects.log(0, conversation)) continue;
    const place = { scope: `c:${conversation}`, place: `log.${conversation}` };
    const data = await bus.texts.openBytes(place, answer.data);
    const record = data && readTurnRecord(parseStored(data));
    if (record !== undefined) records.push(record);
  }
  await bus.close();
  return records;
}
