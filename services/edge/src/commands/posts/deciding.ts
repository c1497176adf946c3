import { unreadableFact, type Bus } from "@parley/bus";
import {
  addressedAgent,
  answerRuleOf,
  demand,
  turnOfAnswer,
  type Caller,
  type ConversationId,
  type May,
  type People,
} from "@parley/protocol";
import type { Ownership } from "../ownership.ts";
import type { GivenMessageFrame } from "../turn-request.ts";

export interface DecidingDeps {
  readonly bus: Pick<Bus, "facts" | "transcripts">;
  readonly ownership: Pick<Ownership, "people">;
  readonly may: May;
  /** The agents that there are, by their own names. Never rejects. */
  readonly agentNames: () => Promise<readonly string[]>;
}

/** Whether an agent is asked, and in what conversation. */
export interface Decided {
  readonly isPost: boolean;
  /** The agent that the message addresses, where it names none itself. */
  readonly agent?: string | undefined;
  /** Whoever answers reads who said what. */
  readonly isRoom: boolean;
}

export const plainTurn: Decided = { isPost: false, isRoom: false };

export type Deciding = ReturnType<typeof createDeciding>;

/**
 * Decides whether a message is a turn or a post (docs/adr/0029). A conversation without a record of people costs nothing: all its messages are turns.
 * Throws FORBIDDEN for an agent that the caller may not ask.
 */
export function createDeciding(deps: DecidingDeps) {
  const { ownership, may } = deps;
  return async (conversation: ConversationId, caller: Caller, frame: GivenMessageFrame): Promise<Decided> => {
    const people = await ownership.people(conversation);
    if (people === undefined) return plainTurn;
    const isRoom = isShared(people);
    if (asksByItself(frame)) return { isPost: false, isRoom };
    const rule = answerRuleOf(people);
    if (rule === "never") return { isPost: true, isRoom: true };
    const answered = await answeredBy(deps, conversation, frame.reply_to);
    const named = await namedIn(deps, people, frame);
    if (named !== undefined) demand(may(caller, "agent:use", { kind: "agent", name: named }));
    const agent = named ?? allowed(may, caller, answered?.agent);
    const isAsked = frame.agent !== undefined || named !== undefined || answered !== undefined;
    if (rule === "mention" && !isAsked) return { isPost: true, isRoom: true };
    return { isPost: false, isRoom, ...(frame.agent === undefined ? { agent } : {}) };
  };
}

/** By what is known at once: that it is a post for certain. */
export function isSurelyPost(people: People | undefined, frame: GivenMessageFrame): boolean {
  if (people === undefined || asksByItself(frame)) return false;
  const rule = answerRuleOf(people);
  if (rule === "never") return true;
  const mayAsk = frame.agent !== undefined || frame.reply_to !== undefined || frame.message.includes("@");
  return rule === "mention" && !mayAsk;
}

/** A person is asked for, a tool is called, or an answer is to be given once more: no rule of a room is about these. */
function asksByItself({ given, handover, supersedes }: GivenMessageFrame): boolean {
  return given?.call !== undefined || handover !== undefined || supersedes !== undefined;
}

function isShared({ members, has }: People): boolean {
  return members.length > 0 || has.posts === true || has.changes === true;
}

async function namedIn(
  { agentNames }: DecidingDeps,
  room: People,
  { message: text, mentions }: GivenMessageFrame,
): Promise<string | undefined> {
  if (!text.includes("@")) return undefined;
  return addressedAgent({ text, mentions, room, agents: await agentNames() });
}

/** Who gave the answer to which it replies; undefined: it replies to none. */
async function answeredBy(
  { bus: { facts, transcripts } }: DecidingDeps,
  conversation: ConversationId,
  replyTo: string | undefined,
): Promise<{ readonly agent: string | undefined } | undefined> {
  const turn = replyTo === undefined ? undefined : turnOfAnswer(replyTo);
  if (turn === undefined) return undefined;
  const said = await facts.readStored("said", { conversation, turn });
  if (said?.fact.kind === "said" && said.fact.post === true) return undefined;
  // Of one that is older than facts only the newest are looked through.
  const stored = await transcripts.find(conversation, turn, said?.storedMs ?? Infinity);
  if (stored?.answer === undefined && (said === undefined || said.fact === unreadableFact)) return undefined;
  return { agent: stored?.answer?.metadata?.agent };
}

function allowed(may: May, caller: Caller, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  return may(caller, "agent:use", { kind: "agent", name }).allowed ? name : undefined;
}
