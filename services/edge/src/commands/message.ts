import {
  ChatError,
  checkMessageText,
  demand,
  toChatError,
  turnsDestination,
  type Caller,
  type ConversationId,
  type May,
  type MessageFrame,
  type TurnId,
  type TurnRequest,
} from "@parley/protocol";
import { newConversationId, turnIdOf } from "@parley/protocol/turn-id";
import { traceNames, type RootSpan, type Tracing } from "@parley/runtime";
import type { AnswerEnded } from "../delivery/answer-times.ts";
import type { Counters } from "../figures/metrics.ts";
import type { HubConnection } from "../hub/hub.ts";
import { createAccept, type Accepted, type AcceptanceDeps } from "./acceptance.ts";
import type { Branches } from "./branches.ts";
import { broughtBy, type MessageFiles } from "./message-files.ts";
import type { MessageFate, MessageLimits, MessagePlace, Spender } from "./message-limits.ts";
import type { Aside } from "./message-order.ts";
import type { Guests } from "./guests.ts";
import type { Ownership } from "./ownership.ts";
import { createDeciding, isSurelyPost, plainTurn, type DecidingDeps } from "./deciding.ts";
import { createPosting, type PostingBus } from "./posting.ts";
import { behindStopped, type SubmissionBus } from "./submission.ts";
import { turnRequestOf, type GivenMessageFrame } from "./turn-request.ts";
import type { TurnPlace } from "./usage-telling.ts";

export interface MessageDeps extends Omit<AcceptanceDeps, "posting" | "files">, Pick<DecidingDeps, "agentNames"> {
  readonly bus: SubmissionBus & PostingBus;
  readonly ownership: Ownership;
  readonly may: May;
  readonly limits: MessageLimits;
  readonly branches: Pick<Branches, "place">;
  /** What is to be done at the end of an answer for whoever has quotas; undefined: nothing. */
  readonly usageTold: (connection: HubConnection, caller: Caller, turn: TurnPlace) => AnswerEnded | undefined;
  readonly files: MessageFiles;
  readonly counters: Pick<Counters, "accepted">;
  readonly tracing: Tracing;
  readonly guests: Pick<Guests, "add" | "confirm">;
  /** Somebody has answered in place of the agent. Never rejects. */
  readonly onAnswered: (conversation: ConversationId, caller: Caller, isRepeated: boolean) => Promise<unknown>;
}

/** `parent`: the `traceparent` of the caller. `aside`: how it lets others pass while it waits for long. */
export interface MessageWay {
  readonly parent?: string | undefined;
  readonly aside?: Aside;
}

export type OnMessage = (
  connection: HubConnection,
  caller: Caller,
  frame: GivenMessageFrame,
  way?: MessageWay,
) => Promise<void>;

/**
 * `message`: makes it a turn. The sender looks at the conversation before the turn is queued, so that no event of it can be missed, and
 * `accepted` is sent before any of them.
 */
export function createMessageHandler(deps: MessageDeps): OnMessage {
  const { may, counters, tracing } = deps;
  const posting = createPosting(deps.bus);
  const accept = createAccept({ ...deps, posting });
  const decide = createDeciding(deps);
  return async (connection, caller, frame, { parent, aside = alone } = {}): Promise<void> => {
    const askedMs = performance.now();
    checkMessageText(frame.message, broughtBy(frame));
    checkChoice(may, caller, frame);
    checkLimits(deps, connection, caller, frame);
    const conversation = frame.conversation_id ?? newConversationId();
    const turn = turnIdOf(caller.user.id, conversation, frame.id);
    const span = tracing.start(sendSpan(conversation, turn, parent));
    const { isExempt } = connection;
    const { traceparent: trace } = span;
    const { owned, allowed, settle } = permit(deps, { caller, isExempt }, frame, {
      conversation,
      turn,
    });
    try {
      // One that was just made up cannot be somebody else's: then nothing has to wait for this.
      const isOperator = frame.conversation_id !== undefined && (await joins(deps, connection, frame, owned));
      const { isPost, isRoom, agent } = isOperator ? plainTurn : await decide(caller, frame);
      const asking = await placedIn(
        deps,
        { caller, isExempt },
        { ...frame, ...agent },
        { conversation, turn, isPost, owned },
      );
      const request = turnRequestOf(asking, { caller, conversation, turn, trace, isExempt, isOperator, isRoom });
      // Who answers for the agent stops nobody, nor does who writes to others.
      const asked = isOperator || isPost ? ({ ...frame, on_busy: "enqueue" } as const) : frame;
      const onEnd = deps.usageTold(connection, caller, request);
      const done = await submitted(deps.bus, request, asked, {
        aside,
        submitAs: (as) => accept(connection, request, as, { owned, allowed, askedMs, isPost, onEnd }),
      });
      settle(fateOf(done));
      if (isOperator) await answered(deps, connection, caller, { conversation, isRepeated: done.isRepeated });
      counters.accepted[countedAs(done)]++;
      span.set({ [traceNames.duplicate]: done.isRepeated, [traceNames.queuePosition]: done.earlier.length });
    } catch (error) {
      const { code } = toChatError(error);
      settle(code === "OVERLOADED" || code === "PROCESSING_ERROR" ? "unknown" : "refused");
      span.fail(code);
      throw error;
    } finally {
      span.end();
    }
  };
}

interface Placing extends MessagePlace {
  readonly isPost: boolean;
  readonly owned: Promise<unknown>;
}

/** With its files, and where it goes. A post is of no branch. */
async function placedIn(
  { branches, files }: MessageDeps,
  spender: Spender,
  frame: GivenMessageFrame,
  { conversation, turn, isPost, owned }: Placing,
): Promise<GivenMessageFrame> {
  // Nothing is stored for who may not write here.
  if (frame.brought !== undefined) await owned;
  const found = frame.files ?? (await files.of(spender, { conversation, turn }, broughtBy(frame)));
  const whole = { ...frame, files: found };
  return isPost ? whole : { ...whole, placed: await branches.place(spender.caller, frame, turn) };
}

/** Whether the sender answers in place of the agent; then it is their guest from now on. */
async function joins(
  { guests }: MessageDeps,
  connection: HubConnection,
  { conversation_id: conversation, handover }: GivenMessageFrame,
  owned: Promise<unknown>,
): Promise<boolean> {
  const isOperator = conversation !== undefined && (await owned) === "operator";
  if (!isOperator) return false;
  if (handover === "ask") throw new ChatError("FORBIDDEN", { message: "You are the person who answers here." });
  guests.add(connection, conversation);
  return true;
}

/** Somebody has answered in place of the agent. The hand-over may have ended meanwhile: whether they may still look on is looked up. */
async function answered(
  { onAnswered, guests, ownership }: MessageDeps,
  connection: HubConnection,
  caller: Caller,
  { conversation, isRepeated }: { readonly conversation: ConversationId; readonly isRepeated: boolean },
): Promise<void> {
  void onAnswered(conversation, caller, isRepeated);
  await guests.confirm(connection, conversation, ownership.reader(conversation, caller));
}

/** Who is over their limits as far as that is known is told so before anything is done. */
function checkLimits(
  { limits, ownership }: MessageDeps,
  { isExempt, viewers }: HubConnection,
  caller: Caller,
  { conversation_id: given }: MessageFrame,
): void {
  const isInIt = given !== undefined && (viewers.has(given) || ownership.isKnown(given));
  limits.check({ caller, isExempt }, !isInIt);
}

/** Begins to find out whether the conversation is the sender's and the message within their limits, which are counted at the same time. */
function permit({ limits, ownership }: MessageDeps, spender: Spender, frame: GivenMessageFrame, place: MessagePlace) {
  const isPost = isSurelyPost(ownership.peekPeople(place.conversation), frame);
  const { allowed, settle } = limits.spend(spender, isPost ? { ...place, isPost } : place);
  const isFresh = frame.conversation_id === undefined;
  const isExempt = spender.isExempt || isOneCall(frame);
  const owned = ownership.claim(place.conversation, spender.caller, { isFresh, isExempt });
  for (const word of [owned, allowed]) {
    word.catch(() => {
      // Told by whoever waits for it, if the message comes that far.
    });
  }
  return { owned, allowed, settle };
}

/** One call of a tool counts as a message, and its conversation as none: whoever's client calls many may still begin to chat. */
function isOneCall({ given }: Pick<GivenMessageFrame, "given">): boolean {
  return given?.call !== undefined;
}

function countedAs({ isRepeated, isPost }: Accepted): "new" | "repeated" | "posted" {
  if (isRepeated) return "repeated";
  return isPost ? "posted" : "new";
}

function fateOf({ isRepeated, isOver, isPost }: Accepted): MessageFate {
  if (isPost && !isRepeated) return "posted";
  if (isOver) return "over";
  return isRepeated ? "repeated" : "accepted";
}

/** What a client asks for by name is a request: whether it gets it, its caller's roles say. */
function checkChoice(may: May, caller: Caller, { agent, model }: MessageFrame): void {
  if (agent !== undefined) demand(may(caller, "agent:use", { kind: "agent", name: agent }));
  if (model !== undefined) demand(may(caller, "model:use", { kind: "model", name: model }));
}

const alone: Aside = (wait) => wait;

interface Submission {
  readonly aside: Aside;
  readonly submitAs: (frame: MessageFrame) => Promise<Accepted>;
}

function submitted(
  bus: SubmissionBus,
  request: TurnRequest,
  frame: MessageFrame,
  { aside, submitAs }: Submission,
): Promise<Accepted> {
  if (frame.on_busy !== "interrupt") return submitAs(frame);
  return behindStopped(bus, request, aside, (on_busy) => submitAs({ ...frame, on_busy }));
}

function sendSpan(conversation: ConversationId, turn: TurnId, parent: string | undefined): RootSpan {
  return {
    name: `send ${turnsDestination}`,
    kind: "producer",
    parent,
    attributes: {
      [traceNames.messagingSystem]: "nats",
      [traceNames.messagingOperation]: "send",
      [traceNames.messagingOperationType]: "send",
      [traceNames.destination]: turnsDestination,
      [traceNames.messageId]: turn,
      [traceNames.conversation]: conversation,
      [traceNames.turn]: turn,
    },
  };
}
