import type { Bus } from "@parley/bus";
import {
  addressedAgent,
  answerRuleOf,
  demand,
  turnOfAnswer,
  type Caller,
  type ConversationId,
  type May,
  type People,
  type TranscriptMessage,
} from "@parley/protocol";
import type { Ownership } from "./ownership.ts";
import type { GivenMessageFrame } from "./turn-request.ts";

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
  readonly agent?: { readonly agent: string };
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
  return async (caller: Caller, frame: GivenMessageFrame): Promise<Decided> => {
    const { conversation_id: conversation } = frame;
    // One that is just made has no other people.
    const people = conversation === undefined ? undefined : await deps.ownership.people(conversation);
    if (conversation === undefined || people === undefined) return plainTurn;
    if (asksByItself(frame)) return { isPost: false, isRoom: isShared(people) };
    const rule = answerRuleOf(people);
    if (rule === "never") return post;
    const addressed = await addressedBy(deps, conversation, people, { caller, frame });
    if (rule === "mention" && !addressed.isAsked) return post;
    const { agent } = addressed;
    return { isPost: false, isRoom: isShared(people), ...(agent === undefined ? {} : { agent: { agent } }) };
  };
}

const post: Decided = { isPost: true, isRoom: true };

interface Addressed {
  readonly isAsked: boolean;
  /** Where the frame names none. */
  readonly agent: string | undefined;
}

async function addressedBy(
  deps: DecidingDeps,
  conversation: ConversationId,
  people: People,
  { caller, frame }: { readonly caller: Caller; readonly frame: GivenMessageFrame },
): Promise<Addressed> {
  const { may } = deps;
  if (frame.agent !== undefined) return { isAsked: true, agent: undefined };
  const answered = await answeredBy(deps, conversation, frame.reply_to);
  const named = await namedIn(deps, people, frame);
  if (named !== undefined) demand(may(caller, "agent:use", { kind: "agent", name: named }));
  return {
    isAsked: named !== undefined || answered !== undefined,
    agent: named ?? allowed(may, caller, answered?.agent),
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

/** A person is asked for, a tool is called, or a branch of what agents answered is gone on with: no rule of a room is about these. */
function asksByItself({ given, handover, supersedes, parent }: GivenMessageFrame): boolean {
  const isOfBranch = supersedes !== undefined || parent !== undefined;
  return given?.call !== undefined || handover !== undefined || isOfBranch;
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
  const isTurn = said?.fact.kind === "said" && said.fact.post !== true;
  // Of one that is older than facts only the newest are looked through.
  const { answer } = (await transcripts.find(conversation, turn, said?.storedMs ?? Infinity)) ?? {};
  return isTurn || answer !== undefined ? { agent: agentIn(answer) } : undefined;
}

function agentIn(answer: TranscriptMessage | undefined): string | undefined {
  return answer?.metadata?.agent;
}

function allowed(may: May, caller: Caller, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  return may(caller, "agent:use", { kind: "agent", name }).allowed ? name : undefined;
}
