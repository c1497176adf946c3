import { randomBytes } from "node:crypto";
import type { Bus } from "@parley/bus";
import type { NamedMessage, Renew } from "@parley/dialects";
import type { Caller, ConversationId, TurnId } from "@parley/protocol";
import { turnIdOf } from "@parley/protocol/turn-id";
import { deliveryLimits } from "../delivery/delivery-limits.ts";
import type { QuestionNow } from "./changes/text-now.ts";
import type { Ownership } from "./ownership.ts";

export interface RenewalDeps {
  readonly bus: Pick<Bus, "transcripts" | "facts">;
  readonly ownership: Pick<Ownership, "isOwn">;
  readonly questionNow: QuestionNow;
}

/** Questions whose clients' ids no record says have ours there. */
const ownId = /^([A-Za-z0-9_-]{22})-u$/;

/**
 * For clients that name a message by its own id when they want its answer once more, or have changed its text. Each time is a turn of its own: such a client has no name
 * for it that it could repeat.
 */
export function createRenewal({ bus, ownership, questionNow }: RenewalDeps): Renew {
  const { facts, transcripts } = bus;

  /** What was sent under the id. Undefined: nothing that anybody remembers. */
  const firstText = async (conversation: ConversationId, turn: TurnId): Promise<string | undefined> => {
    const said = await facts.read("said", { conversation, turn });
    if (said?.kind === "said") return said.message;
    return (await transcripts.find(conversation, turn, 0))?.question?.message;
  };

  /** Whether it is still the message that everybody sees: it may have been changed, and be changed back now. */
  const isShown = async (conversation: ConversationId, turn: TurnId): Promise<boolean> => {
    const path = await transcripts.path(conversation, { limit: deliveryLimits.snapshotMessages });
    if (path?.turns.some(({ turn_id }) => turn_id === turn) === true) return true;
    // One that has not ended has no record, and nothing in its place.
    return (await transcripts.find(conversation, turn, 0)) === undefined;
  };

  const isChanged = async (conversation: ConversationId, turn: TurnId, { message }: NamedMessage): Promise<boolean> => {
    const first = await firstText(conversation, turn);
    if (first === undefined) return false;
    const text = message.toWellFormed();
    // Whoever has read it since it was edited sends the text of now.
    const isSame = first === text || (await questionNow(conversation, turn))?.message === text;
    return !isSame || !(await isShown(conversation, turn));
  };

  return async (caller: Caller, conversation: ConversationId, message: NamedMessage) => {
    const { id, renewed } = message;
    if (renewed === undefined || !(await ownership.isOwn(conversation, caller))) return undefined;
    const supersedes = ownId.exec(id)?.[1] ?? turnIdOf(caller.user.id, conversation, id);
    if (renewed === "if changed" && !(await isChanged(conversation, supersedes, message))) return undefined;
    return { id: randomBytes(12).toString("base64url"), supersedes };
  };
}
