import type { ConversationId } from "@parley/protocol";
import { createBrokerClock } from "./broker-clock.ts";
import { createErasing } from "./erasing.ts";
import type { Facts } from "./facts.ts";
import { createFeedbackLog } from "./feedback.ts";
import { createHandovers } from "./handovers.ts";
import { createMessageChanges } from "./message-changes.ts";
import { createOwners } from "./owners.ts";
import { createPeople } from "./people.ts";
import { createPosts } from "./posts.ts";
import { createReadMarks } from "./read-marks.ts";
import type { Sealing } from "./sealing.ts";
import { createStoredConversations, type StoredConversationsDeps } from "./stored-conversations.ts";
import { createSummaries } from "./summaries.ts";
import { createTitles } from "./titles.ts";

/** What is kept of conversations. */
export function conversationParts(
  deps: Omit<
    StoredConversationsDeps,
    "titles" | "feedback" | "handovers" | "summaries" | "posts" | "people" | "readMarks" | "changes" | "facts" | "shred"
  > & {
    readonly facts: Facts;
  },
  sealing: Sealing,
  eventWindowMs: number,
) {
  const { jsm, events, unreadable } = deps;
  const titles = createTitles({ ...deps, eventWindowMs });
  const feedback = createFeedbackLog(deps);
  const summaries = createSummaries(deps);
  const clock = createBrokerClock(jsm);
  const handovers = createHandovers({ ...deps, clock, eventWindowMs });
  const posts = createPosts({ ...deps, eventWindowMs });
  const owners = createOwners(jsm, events, unreadable, sealing.prepare);
  const people = createPeople({ ...deps, owners, clock, eventWindowMs });
  const note = (conversation: ConversationId): Promise<void> => people.note(conversation, "changes");
  const changes = createMessageChanges({ ...deps, eventWindowMs, note, dropSummary: summaries.drop });
  const readMarks = createReadMarks(deps);
  const kept = { titles, feedback, handovers, summaries, posts, people, readMarks, changes };
  return {
    clock,
    owners,
    ...kept,
    conversations: createStoredConversations({ ...deps, ...kept, shred: sealing.shredConversation }),
    erasing: createErasing({ ...deps, opening: sealing.opening }),
  };
}
