import {
  ChatError,
  checkMessageText,
  demand,
  toChatError,
  turnsDestination,
  type AcceptedFrame,
  type Caller,
  type ConversationId,
  type May,
  type MessageFrame,
  type TurnId,
  type TurnRequest,
} from "@parley/protocol";
import { newConversationId, turnIdOf } from "@parley/protocol/turn-id";
import { traceNames, type RootSpan, type Tracing } from "@parley/runtime";
import { noteAsked, type AnswerEnded } from "../delivery/answer-times.ts";
import type { Outbox } from "../delivery/outbox.ts";
import type { Counters } from "../figures/metrics.ts";
import type { HubConnection, HubViewer } from "../hub/hub.ts";
import type { Branches } from "./branches.ts";
import type { MessageFate, MessageLimits, MessagePlace, Spender } from "./message-limits.ts";
import type { Aside } from "./message-order.ts";
import type { Guests } from "./guests.ts";
import type { Ownership } from "./ownership.ts";
import { promise, showEnd, showTurn } from "./places.ts";
import { behindStopped, noteSaid, startOf, submit, type SubmissionBus, type Submitted } from "./submission.ts";
import { turnRequestOf, type GivenMessageFrame } from "./turn-request.ts";
import type { TurnPlace } from "./usage-telling.ts";
import type { Viewing } from "./viewing.ts";

export interface MessageDeps {
  readonly bus: SubmissionBus;
  readonly ownership: Ownership;
  readonly may: May;
  readonly limits: MessageLimits;
  readonly branches: Pick<Branches, "place">;
  readonly viewing: Viewing;
  readonly outbox: Outbox;
  /** What is to be done at the end of an answer for whoever has quotas; undefined: nothing. */
  readonly usageTold: (connection: HubConnection, caller: Caller, turn: TurnPlace) => AnswerEnded | undefined;
  /** Told of every message that was accepted; must not wait for anything. */
  readonly onAccepted: (request: TurnRequest) => void;
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

interface Asked {
  /** Resolves when the conversation is known to be the sender's. */
  readonly owned: Promise<unknown>;
  /** Resolves when the message is within the sender's limits. */
  readonly allowed: Promise<unknown>;
  /** When the message came (a `performance.now`). */
  readonly askedMs: number;
  readonly onEnd: AnswerEnded | undefined;
}

function createAccept(deps: MessageDeps) {
  const { viewing } = deps;
  return async (
    connection: HubConnection,
    request: TurnRequest,
    { on_busy, conversation_id: given }: MessageFrame,
    { owned, allowed, askedMs, onEnd }: Asked,
  ): Promise<Submitted> => {
    const holding = viewing.hold(connection, request.conversation_id);
    try {
      // It is the sender's own, as far as an id that nobody can guess says so.
      const beside = [openBefore(deps, connection, given), noteSaid(deps.bus, request), owned] as const;
      const [{ viewer, isNew }, open, said] = await Promise.all([holding, ...beside]);
      const submitted = await submit(deps.bus, request, on_busy, { said, allowed });
      deps.onAccepted(request);
      // The answer to a repeated message may be there already: how long it took is not seen here.
      if (!submitted.isRepeated) noteAsked(connection, request, { sinceMs: askedMs, onEnd });
      await place(deps, { connection, viewer, isNew, request, open, submitted });
      answer(deps, viewer, request, submitted);
      return submitted;
    } catch (error) {
      await letGo(viewing, connection, holding);
      throw error;
    }
  };
}

/**
 * `message`: makes it a turn. The sender looks at the conversation before the turn is queued, so that no event of it can be missed, and
 * `accepted` is sent before any of them.
 */
export function createMessageHandler(deps: MessageDeps): OnMessage {
  const { may, counters, tracing } = deps;
  const accept = createAccept(deps);
  return async (connection, caller, frame, { parent, aside = alone } = {}): Promise<void> => {
    const askedMs = performance.now();
    checkMessageText(frame.message);
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
      const placed = await deps.branches.place(caller, frame, turn);
      const request = turnRequestOf({ ...frame, placed }, { caller, conversation, turn, trace, isExempt, isOperator });
      // Who answers for the agent stops nobody.
      const asked = isOperator ? ({ ...frame, on_busy: "enqueue" } as const) : frame;
      const onEnd = deps.usageTold(connection, caller, request);
      const done = await submitted(deps.bus, request, asked, {
        aside,
        submitAs: (as) => accept(connection, request, as, { owned, allowed, askedMs, onEnd }),
      });
      settle(fateOf(done));
      if (isOperator) {
        void deps.onAnswered(conversation, caller, done.isRepeated);
        await deps.guests.confirm(connection, conversation, deps.ownership.reader(conversation, caller));
      }
      counters.accepted[done.isRepeated ? "repeated" : "new"]++;
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
  const { allowed, settle } = limits.spend(spender, place);
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

function fateOf({ isRepeated, isOver }: Submitted): MessageFate {
  if (isOver) return "over";
  return isRepeated ? "repeated" : "accepted";
}

/** What a client asks for by name is a request: whether it gets it, its caller's roles say. */
function checkChoice(may: May, caller: Caller, { agent, model }: MessageFrame): void {
  if (agent !== undefined) demand(may(caller, "agent:use", { kind: "agent", name: agent }));
  if (model !== undefined) demand(may(caller, "model:use", { kind: "model", name: model }));
}

async function letGo(viewing: Viewing, connection: HubConnection, holding: ReturnType<Viewing["hold"]>): Promise<void> {
  const held = await holding.catch(() => undefined);
  if (held?.isNew === true) viewing.leave(connection, held.viewer.source.conversation);
  else if (held !== undefined) viewing.release(held.viewer);
}

const alone: Aside = (wait) => wait;

interface Submission {
  readonly aside: Aside;
  readonly submitAs: (frame: MessageFrame) => Promise<Submitted>;
}

function submitted(
  bus: SubmissionBus,
  request: TurnRequest,
  frame: MessageFrame,
  { aside, submitAs }: Submission,
): Promise<Submitted> {
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

/**
 * The turns that are open before the message is submitted, if its sender does not look on already. One of them may have ended, and have left
 * the queue, when the message has its place in the log: a viewer that begins there would get the rest of an answer.
 */
async function openBefore(
  { bus }: MessageDeps,
  { viewers }: HubConnection,
  conversation: ConversationId | undefined,
): Promise<readonly TurnId[]> {
  if (conversation === undefined || viewers.has(conversation)) return [];
  return (await bus.turns.waiting(conversation)).map(({ request }) => request.turn_id);
}

interface Beginning {
  readonly connection: HubConnection;
  readonly viewer: HubViewer;
  /** It looks at the conversation only from now on. */
  readonly isNew: boolean;
  readonly request: TurnRequest;
  readonly open: readonly TurnId[];
  readonly submitted: Submitted;
}

/** Sees to it that the sender gets all of the turn. */
async function place(deps: MessageDeps, beginning: Beginning): Promise<void> {
  const { viewer, isNew, request, submitted } = beginning;
  if (isNew) await begin(deps, beginning);
  else showTurn(viewer, submitted.userSeq);
  if (submitted.earlier.length > 0) deps.viewing.lookAtQueue(viewer);
  if (submitted.isOver) showEnd(viewer, request.turn_id, submitted.userSeq);
}

/** A new viewer gets events from the beginning of the turn on, and of the turns before it that were open. */
async function begin(
  { bus, viewing }: MessageDeps,
  { connection, viewer, request, open, submitted }: Beginning,
): Promise<void> {
  const { userSeq, earlier, isRepeated } = submitted;
  if ((await viewing.resumeWish(connection, viewer)) || userSeq === undefined) return;
  // What was open when a message came that is repeated now, only the log can say.
  const before = isRepeated ? earlier : [...new Set([...open, ...earlier])];
  const starts = await Promise.all(before.map((turn) => startOf(bus, request, turn)));
  const first = Math.min(userSeq, ...starts.filter((seq) => seq !== undefined));
  viewing.beginAfter(connection, viewer, first - 1);
}

function answer(
  { outbox, viewing }: MessageDeps,
  viewer: HubViewer,
  { id, conversation_id, turn_id, message_id }: TurnRequest,
  { earlier, userSeq }: Submitted,
): void {
  const position = earlier.length;
  const accepted: AcceptedFrame = { type: "accepted", id, conversation_id, turn_id, message_id, position };
  outbox.cork(viewer.outlet, () => {
    if (!promise(viewer, accepted, userSeq)) outbox.sendFrame(viewer.outlet, accepted);
    viewing.release(viewer);
  });
}
