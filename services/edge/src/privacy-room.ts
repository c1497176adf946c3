import { createNoticeQueue, type Bus, type ShownTranscripts } from "@parley/bus";
import { Erasure, Retention, pushQueueName } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Sessions } from "./admission/sessions.ts";
import type { Redis } from "./commands/conversations/conversation-index.ts";
import type { Conversations } from "./commands/conversations/conversations.ts";
import type { Connections } from "./commands/connections/connections.ts";
import { createEraseBelongings } from "./commands/privacy/erase-belongings.ts";
import { createEraseConversation } from "./commands/privacy/erase-conversation.ts";
import { createErasures } from "./commands/privacy/erasure.ts";
import { createExports } from "./commands/privacy/export.ts";
import { startKeeper } from "./commands/privacy/keeper.ts";
import { createSweep } from "./commands/privacy/sweep.ts";

/** What is kept for how long, and what becomes of it when somebody is erased. */
export interface PrivacyOptions {
  /** As it is now. Default: everything is kept. */
  readonly retention?: () => Retention;
  readonly erasure?: () => Erasure;
  /** Keeps somebody out who is erased. Default: nobody can be kept out here. */
  readonly expel?: (user: string, beforeMs: number) => Promise<void>;
  /** Whoever has the work of the deployment and says nothing for so long has lost it. Default: 10 s. */
  readonly leaseMs?: number;
}

interface PrivacyNeeds {
  readonly conversations: Conversations;
  /** As messages stand now. */
  readonly shown: ShownTranscripts;
  readonly accounts: Connections | undefined;
  readonly sessions: Pick<Sessions, "endAll" | "list"> | undefined;
}

interface RoomOptions {
  readonly bus: Bus;
  readonly redis?: Redis;
  readonly privacy?: PrivacyOptions;
  readonly log: Logger;
}

export type PrivacyRoom = ReturnType<typeof openPrivacy>;

const standardRetention = Retention.parse({});
const standardErasure = Erasure.parse({});

/** Erasure, retention, and the work of both, which one process of the deployment does. */
export function openPrivacy(
  { bus, redis, privacy = {}, log }: RoomOptions,
  { conversations, shown, accounts, sessions }: PrivacyNeeds,
) {
  const { retention = () => standardRetention, erasure: policy = () => standardErasure, expel, leaseMs } = privacy;
  const eraseConversation = createEraseConversation({
    bus,
    lists: conversations.lists,
    policy,
    deleteWhole: async (conversation, user, tenant) => {
      await conversations.delete(conversation, { user: { id: user }, tenant });
    },
  });
  const notices = redis && createNoticeQueue({ redis, texts: bus.texts, log });
  // Those to single devices, too: for a while they are kept when they are sent.
  const pushes = redis && createNoticeQueue({ redis, texts: bus.texts, name: pushQueueName, log });
  const eraseBelongings = createEraseBelongings({ bus, redis, notices: [notices, pushes], accounts, sessions, policy });
  const erasures = createErasures({ bus, eraseConversation, eraseBelongings, expel, log });
  const sweep = createSweep({
    bus,
    retention,
    log,
    deleteIfOld: (conversation, { user, tenant, notSinceMs }) =>
      conversations.retire(conversation, { user: { id: user }, tenant }, notSinceMs),
  });
  const keeper = startKeeper({ bus, erasures, sweep, log, ...(leaseMs === undefined ? {} : { leaseMs }) });
  const holds: Pick<Bus["privacy"], "hold" | "holds" | "lift" | "setUp"> = bus.privacy;
  const exports = createExports({ bus, transcripts: shown, accounts, sessions });
  return { erasures, exports, sweep, holds, state: keeper.state, close: keeper.close };
}
