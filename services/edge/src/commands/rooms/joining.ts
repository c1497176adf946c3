import type { Bus, PeopleChange } from "@parley/bus";
import { toChatError, type ConversationId, type PeopleRecord } from "@parley/protocol";
import { joinAll, type JoinOutcome, type Joined, type Joining } from "./invite-rules.ts";

export interface JoiningDeps {
  readonly people: Pick<Bus["people"], "change" | "nowMs">;
  /** These have joined. */
  readonly onJoined: (record: PeopleRecord, joins: readonly Joining[]) => void;
}

/** Of each event at most so many members are told: it has to be small enough to be stored. */
const mostAtOnce = 100;

interface Waiting {
  readonly join: Joining;
  readonly resolve: (joined: Joined) => void;
  readonly reject: (error: unknown) => void;
}

/** Who joins a conversation while others do so waits for them, and those who wait are one write: a thousand at once are ten. */
export function createJoining({ people, onJoined }: JoiningDeps) {
  const waiting = new Map<ConversationId, Waiting[]>();

  const write = async (conversation: ConversationId, some: readonly Waiting[]): Promise<void> => {
    const nowMs = await people.nowMs();
    let outcomes: readonly JoinOutcome[] = [];
    const record = await people.change(conversation, (before): PeopleChange | undefined => {
      const joined = joinAll(
        before,
        some.map(({ join }) => join),
        nowMs,
      );
      ({ outcomes } = joined);
      return joined.change;
    });
    const came: Joining[] = [];
    for (const [i, { join, resolve, reject }] of some.entries()) {
      const outcome = outcomes[i];
      if (outcome === undefined || outcome instanceof Error) reject(outcome);
      else resolve(outcome);
      if (outcome !== undefined && !(outcome instanceof Error) && outcome.isNew) came.push(join);
    }
    if (record !== undefined && came.length > 0) onJoined(record, came);
  };

  const run = async (conversation: ConversationId): Promise<void> => {
    for (;;) {
      const some = waiting.get(conversation)?.splice(0, mostAtOnce) ?? [];
      if (some.length === 0) return void waiting.delete(conversation);
      await write(conversation, some).catch((error: unknown) => {
        for (const { reject } of some) reject(toChatError(error));
      });
    }
  };

  /** Throws NOT_FOUND where there is no such invitation, CONFLICT where there is no room. */
  return (conversation: ConversationId, join: Joining): Promise<Joined> =>
    new Promise((resolve, reject) => {
      const others = waiting.get(conversation);
      const one = { join, resolve, reject };
      if (others !== undefined) return void others.push(one);
      waiting.set(conversation, [one]);
      void run(conversation);
    });
}
