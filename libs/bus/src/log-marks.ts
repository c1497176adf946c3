import { markedFormat, recordMark, type RecordFormat } from "@parley/protocol";

/**
 * What the log streams say of the versions that have used them. Only who makes a log marks it, so one that an earlier version has made never is; and a log
 * that was lost and is made again gets what it had, because processes of that version may still be there.
 */
export function createLogMarks(shards: number) {
  const formats = new Map<number, RecordFormat>();
  const isEach = (format: RecordFormat): boolean => [...formats.values()].every((found) => found === format);
  return {
    /** Of a log that has to be made. */
    description: (): string | undefined => (isEach(2) ? recordMark : undefined),

    /** Undefined: it has none, or this process may not ask for it. */
    found(shard: number, description: string | undefined): void {
      formats.set(shard, markedFormat(description));
    },

    /** That of the least, so that it is the same whichever conversation is written. */
    format: (): RecordFormat => (formats.size === shards && isEach(2) ? 2 : 1),
  };
}

export type LogMarks = ReturnType<typeof createLogMarks>;
