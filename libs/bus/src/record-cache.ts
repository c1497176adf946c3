import type { LogRecord, RecordLink } from "@parley/protocol";

export interface StoredRecord {
  readonly seq: number;
  /** When it was stored, by the broker's clock. `Infinity`: this process wrote it, and has not been told yet. */
  readonly storedMs: number;
  /** Undefined: only a newer version can read it. */
  readonly record: LogRecord | undefined;
  readonly link: RecordLink;
}

/** A worker meets the same conversations again and again: their tails need not be read one by one each time. Some 20,000 records. */
const maxBytes = 16 * 1024 * 1024;

function sizeOf({ record }: StoredRecord): number {
  if (record === undefined) return 500;
  return 500 + record.message.length + (record.tool_calls ?? []).reduce((sum, { result }) => sum + result.length, 0);
}

function keyOf(shard: number, seq: number): string {
  return `${shard}.${seq}`;
}

/** Records of all shards by their sequence. They never change, so what is here is right; the oldest go first. */
export function createRecordCache() {
  const records = new Map<string, StoredRecord>();
  let bytes = 0;

  return {
    get: (shard: number, seq: number): StoredRecord | undefined => records.get(keyOf(shard, seq)),

    add(shard: number, stored: StoredRecord): StoredRecord {
      const key = keyOf(shard, stored.seq);
      if (records.has(key)) return stored;
      records.set(key, stored);
      bytes += sizeOf(stored);
      for (const [oldestKey, oldest] of records) {
        if (bytes <= maxBytes) break;
        records.delete(oldestKey);
        bytes -= sizeOf(oldest);
      }
      return stored;
    },

    /** One that is here, with the time that the broker says; undefined: what is here is another one, of a log that was lost. */
    dated(shard: number, known: StoredRecord, storedMs: number): StoredRecord | undefined {
      if (known.storedMs === storedMs) return known;
      if (known.storedMs !== Infinity) return undefined;
      const dated = { ...known, storedMs };
      records.set(keyOf(shard, known.seq), dated);
      return dated;
    },
  };
}
