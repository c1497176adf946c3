import type { LogRecord } from "@parley/protocol";

export interface StoredRecord {
  readonly seq: number;
  readonly record: LogRecord;
}

/** A worker meets the same conversations again and again: their tails need not be read one by one each time. */
const maxBytes = 32 * 1024 * 1024;

function sizeOf({ record }: StoredRecord): number {
  return 500 + record.message.length + (record.tool_calls ?? []).reduce((sum, { result }) => sum + result.length, 0);
}

/** Records by their sequence. They never change, so what is here is right; the oldest go first. */
export function createRecordCache() {
  const records = new Map<number, StoredRecord>();
  let bytes = 0;

  return {
    get: (seq: number): StoredRecord | undefined => records.get(seq),

    add(stored: StoredRecord): StoredRecord {
      if (records.has(stored.seq)) return stored;
      records.set(stored.seq, stored);
      bytes += sizeOf(stored);
      for (const [seq, oldest] of records) {
        if (bytes <= maxBytes) break;
        records.delete(seq);
        bytes -= sizeOf(oldest);
      }
      return stored;
    },
  };
}
