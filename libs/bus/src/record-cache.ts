import type { RecordLink, StoredTurn } from "@parley/protocol";

export interface StoredRecord {
  readonly seq: number;
  /** When it was stored, by the broker's clock. `Infinity`: this process wrote it, and has not been told yet. */
  readonly storedMs: number;
  /** Encoded. */
  readonly bytes: number;
  /** What it says of a turn. Undefined: nothing, or only a newer version can read it. */
  readonly turn: StoredTurn | undefined;
  /** Its key was erased: it is deleted. */
  readonly isErased?: true;
  readonly link: RecordLink;
}

/** What is kept of a record, of whichever kind. */
type Kept = Pick<StoredRecord, "seq" | "storedMs" | "bytes">;

/** A worker meets the same conversations again and again: their tails need not be read each time. Some 10,000 turns. */
const maxBytes = 16 * 1024 * 1024;
/** Of each record beside its text: objects, and parts that say it once more. */
const overheadBytes = 1_000;

function sizeOf({ bytes }: Kept): number {
  return overheadBytes + bytes;
}

function keyOf(shard: number, seq: number): string {
  return `${shard}.${seq}`;
}

/** Records of all shards by their sequence. They never change, so what is here is right; the oldest go first. */
export function createRecordCache<Stored extends Kept = StoredRecord>() {
  const records = new Map<string, Stored>();
  let bytes = 0;

  return {
    get: (shard: number, seq: number): Stored | undefined => records.get(keyOf(shard, seq)),

    add(shard: number, stored: Stored): Stored {
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
    dated(shard: number, known: Stored, storedMs: number): Stored | undefined {
      if (known.storedMs === storedMs) return known;
      if (known.storedMs !== Infinity) return undefined;
      const dated = { ...known, storedMs };
      records.set(keyOf(shard, known.seq), dated);
      return dated;
    },
  };
}
