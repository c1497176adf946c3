import { createHash } from "node:crypto";
import { NoticeRecord, parseStored, streams, subjects, type NoticeDevice } from "@parley/protocol";
import { appendBehind, type LastOne } from "./append-behind.ts";
import type { Append, AppendResult } from "./appender.ts";
import type { FoundMessage } from "./direct-get.ts";
import type { FileSealing } from "./file-store-sealed.ts";
import type { GateLogDeps } from "./gate-log.ts";
import { scopeOfUser } from "./seal-places.ts";

/** What somebody wants to be told when they are away, and where. */
export interface NoticeChoice {
  readonly wants: string;
  readonly devices: readonly NoticeDevice[];
}

export type NoticeRecords = ReturnType<typeof createNoticeRecords>;

/** Of who has never said anything. */
const unsaid: NoticeChoice = { wants: "addressed", devices: [] };

export interface NoticeRecordsDeps extends Omit<GateLogDeps, "link"> {
  /** Undefined: nothing is sealed here. */
  readonly sealing?: Pick<FileSealing, "shred"> | undefined;
}

/** What users want to be told: of each one record, of which the last one counts. Edges and tool workers read and change it. */
export function createNoticeRecords({ jsm, append, setUp, unreadable, sealing }: NoticeRecordsDeps) {
  let made: Promise<void> | undefined;
  const ready = (): Promise<void> =>
    (made ??= setUp().catch((error: unknown) => {
      made = undefined;
      throw error;
    }));
  const read = (message: FoundMessage | null): LastOne<NoticeRecord> | undefined => {
    if (message === null) return undefined;
    const value = NoticeRecord.safeParse(parseStored(message.data)).data;
    if (value === undefined) unreadable.note("record", message);
    return { seq: message.seq, value };
  };
  const records = {
    async append(message: Append): Promise<AppendResult> {
      // Tool workers make no keys, and forget browsers that are gone.
      const result = await append({ ...message, mayStayPlain: true });
      if (result.kind === "absent") await setUp().catch(() => {});
      return result;
    },
    last: async (subject: string) => read(await jsm.streams.getMessage(streams.notices, { last_by_subj: subject })),
  };
  return {
    /** One exact look-up. */
    async of(userId: string): Promise<NoticeChoice> {
      await ready();
      return read(await jsm.lookUp(streams.notices, { last_by_subj: subjectOf(userId) }))?.value ?? unsaid;
    },

    /** Stores what `next` makes of what there is; undefined from it: it stays. Returns what counts then. Throws OVERLOADED when the broker has not answered for 15 s. */
    async change(userId: string, next: (choice: NoticeChoice) => NoticeChoice | undefined): Promise<NoticeChoice> {
      await ready();
      let counts = unsaid;
      await appendBehind<NoticeRecord>(records, subjectOf(userId), (last, tried) => {
        counts = last?.value ?? unsaid;
        // Stored without an answer: as good as having been told.
        if (tried !== undefined && JSON.stringify(last?.value) === JSON.stringify(tried)) return undefined;
        const after = next(counts);
        if (after === undefined) return undefined;
        counts = after;
        const n = last === undefined ? 1 : (last.value?.n ?? last.seq) + 1;
        const { wants, devices } = after;
        return NoticeRecord.parse({ v: 1, kind: "notices", n, user_id: userId, wants, devices, ts: Date.now() });
      });
      return counts;
    },

    /** Nothing is left of it. Returns whether there was something. */
    async forget(userId: string): Promise<boolean> {
      await ready();
      // First: so a record that is written in between has another key, and goes with the others.
      await sealing?.shred(scopeOfUser(hashOf(userId)));
      return (await jsm.streams.purge(streams.notices, { filter: subjectOf(userId) })).purged > 0;
    },
  };
}

/** One token of a subject, whatever the name holds, and nobody's name in what brokers log. */
function hashOf(userId: string): string {
  return createHash("sha256").update(userId).digest("base64url");
}

function subjectOf(userId: string): string {
  return subjects.notices(hashOf(userId));
}
