import { isOfTenant } from "./acting-rights.ts";
import type { Action, Resource } from "./actions.ts";
import type { Caller } from "./caller.ts";
import type { StandingAmong } from "./standing.ts";
import { allowed, forbidden, only, type Verdict } from "./verdict.ts";

type Conversation = Extract<Resource, { kind: "conversation" }>;

/** What a caller may do in a conversation: its owner all, its people as they stand in it. */
export function ofConversation(caller: Caller, action: Action, thing: Conversation): Verdict {
  if (thing.standing !== undefined) return ofStanding(caller, action, { ...thing, standing: thing.standing });
  return only(
    thing.owner === undefined || (thing.owner === caller.user.id && isOfTenant(caller, thing.tenant)),
    othersConversation,
  );
}

const othersConversation = "This conversation belongs to somebody else.";

const readerActions: ReadonlySet<Action> = new Set([
  "conversation:read",
  "conversation:feedback",
  "conversation:leave",
] as const);
const writerActions: ReadonlySet<Action> = new Set([
  ...readerActions,
  ...(["conversation:send", "conversation:react", "conversation:pin"] as const),
]);
/** A writer does these with turns and messages of their own. */
const ownActions: ReadonlySet<Action> = new Set([
  "conversation:cancel",
  "conversation:queue",
  "conversation:decide",
] as const);

type Peopled = Conversation & { readonly standing: StandingAmong };

function ofStanding(caller: Caller, action: Action, { standing, author }: Peopled): Verdict {
  switch (standing) {
    case "owner":
      return allowed;
    case "writer":
      if (ownActions.has(action)) return only(author === undefined || author === caller.user.id, othersTurn);
      return only(writerActions.has(action), onlyOwner);
    case "reader":
      return only(readerActions.has(action), "You may read this conversation, and no more.");
    case "none":
      return forbidden(othersConversation);
  }
}

const onlyOwner = "Only the owner of this conversation may do that.";
const othersTurn = "This is somebody else's message: only they and the owner of the conversation may do that.";
