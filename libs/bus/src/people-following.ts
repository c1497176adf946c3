import { streams, subjects, type ConversationId, type PeopleRecord } from "@parley/protocol";
import type { LastOne } from "./append-behind.ts";
import type { FoundMessage } from "./direct-get.ts";
import type { PatientLookups } from "./patient-lookups.ts";

export interface PeopleFollowerDeps {
  readonly jsm: PatientLookups;
  readonly shards: number;
}

interface Reading {
  readonly read: (message: FoundMessage | null) => LastOne<PeopleRecord> | undefined;
  /** Tells viewers of a record, unless they were. */
  readonly tell: (record: PeopleRecord) => Promise<void>;
}

/** Undefined: it cannot be read. */
export interface FollowedPeople {
  readonly conversation: ConversationId;
  readonly record: PeopleRecord | undefined;
}

export interface PeopleStep {
  readonly found: readonly FollowedPeople[];
  /** All there was has been read. */
  readonly isWhole: boolean;
  /** Something may have been missed: this is the first step, or the log is another one. What was remembered from before counts no more. */
  readonly isAnew: boolean;
}

/** Whoever has stored a record has told of it by then. */
const tellingMs = 2_000;
/** Looked at for one step, of each shard. */
const mostLooks = 1_000;
/** Records that may wait to be told of. The oldest go: the next change tells of them. */
const mostUntold = 10_000;
/** Steps after which it looks how far the log has come: a broker that is asked for the next one looks through all that lies between. */
const stepsBetween = 20;

/** What has changed since the last step, in all conversations: one look-up a shard that finds nothing, as a rule. It begins with the end of the log. */
export function createPeopleFollower({ jsm, shards }: PeopleFollowerDeps, { read, tell }: Reading) {
  const ends: (number | undefined)[] = Array.from({ length: shards }, () => undefined);
  /** Not given yet: one shard may have answered, and another one not. */
  let found: FollowedPeople[] = [];
  let isAnew = false;
  let steps = 0;
  const healing = createHealing(tell);

  const look = async (shard: number, from: number): Promise<boolean> => {
    for (let looks = 0; looks < mostLooks; looks++) {
      const query = { seq: (ends[shard] ?? from) + 1, next_by_subj: subjects.allPeople(shard) };
      const message = await jsm.lookUp(streams.log(shard), query);
      if (message === null) return true;
      const record = read(message)?.value;
      found.push({ conversation: message.subject.split(".").at(-1) ?? "", record });
      if (record !== undefined) healing.add(record);
      ends[shard] = message.seq;
    }
    return false;
  };

  const stepOf = async (shard: number, isMeasured: boolean): Promise<boolean> => {
    const from = ends[shard];
    const reached =
      isMeasured || from === undefined ? (await jsm.streams.info(streams.log(shard))).state.last_seq : undefined;
    if (from === undefined || (reached !== undefined && reached < from)) {
      ends[shard] = reached ?? 0;
      isAnew = true;
      return true;
    }
    const isWhole = await look(shard, from);
    // The log had come so far before nothing more was found.
    if (isWhole) ends[shard] = Math.max(ends[shard] ?? 0, reached ?? 0);
    return isWhole;
  };

  return {
    /** Rejects when the broker does not answer; then the next step has it all. */
    async step(): Promise<PeopleStep> {
      const isMeasured = steps++ % stepsBetween === 0;
      const whole = await Promise.all(ends.map((_, shard) => stepOf(shard, isMeasured)));
      const step = { found, isWhole: whole.every((one) => one), isAnew };
      found = [];
      isAnew = false;
      healing.run();
      return step;
    },
  };
}

/** A process may have died between a record and its event: whoever follows tells what was not told in time. */
function createHealing(tell: Reading["tell"]) {
  let untold: { readonly record: PeopleRecord; readonly foundMs: number }[] = [];
  const keep = (record: PeopleRecord, foundMs = performance.now()): void => {
    untold = [...untold, { record, foundMs }].slice(-mostUntold);
  };
  return {
    add(record: PeopleRecord): void {
      if (record.told !== undefined) keep(record);
    },
    run(): void {
      if (untold.length === 0) return;
      const before = performance.now() - tellingMs;
      const late = untold.filter(({ foundMs }) => foundMs <= before);
      if (late.length === 0) return;
      untold = untold.filter(({ foundMs }) => foundMs > before);
      // Its broker did not answer: once more with a later step.
      for (const { record } of late) tell(record).catch(() => keep(record));
    },
  };
}
