import type { Bus, QueuedTurn } from "@parley/bus";
import {
  ChatError,
  filesOf,
  isHandedOver,
  noFiles,
  turnOfMessage,
  type Caller,
  type ConversationId,
  type Files,
  type GivenContext,
  type MessageFrame,
  type RegenerateFrame,
  type TurnId,
} from "@parley/protocol";
import { turnIdOf } from "@parley/protocol/turn-id";
import { createFairGate } from "../fair-gate.ts";
import { wasDeleted } from "./changes/found-message.ts";
import type { QuestionNow } from "./changes/text-now.ts";
import type { Ownership } from "./ownership.ts";
import type { GivenMessageFrame, Placed } from "./turn-request.ts";

export interface BranchDeps {
  readonly bus: Pick<Bus, "transcripts" | "turns" | "waitingTexts" | "handovers" | "facts">;
  readonly ownership: Ownership;
  readonly questionNow: QuestionNow;
}

/** A turn in whose place another one is asked. */
interface Earlier {
  readonly parent: TurnId | null;
  readonly text: string;
  readonly files: Files;
  /** Undefined: nobody knows. */
  readonly userId: string | undefined;
  readonly hasEnded: boolean;
}

/** A turn may stand 4,000 records back, and each of them has to be read: who asks for many at once waits. */
const searches = { atOnce: 4, perUser: 8 };

export type Branches = ReturnType<typeof createBranches>;

/**
 * Where messages are put that do not go behind the newest turn. The earlier turns stay as they are. What is looked up here is of turns that were accepted before: no
 * later one changes it, so that a repeated message is put where it was the first time.
 */
export function createBranches({ bus, ownership, questionNow }: BranchDeps) {
  const enter = createFairGate(searches);

  const earlierOf = async (conversation: ConversationId, turn: TurnId): Promise<Earlier> => {
    const earlier = (await queuedOf(bus, conversation, turn)) ?? (await recordedOf(bus, conversation, turn));
    if (earlier === undefined) throw noSuchTurn();
    return earlier;
  };

  /** Throws what keeps a turn from being superseded by another one, `own`. */
  const superseded = async (
    caller: Caller,
    { conversation_id, on_busy }: Wanted,
    { turn, own }: { readonly turn: TurnId; readonly own: TurnId },
  ): Promise<Earlier> => {
    const earlier = await enter(caller.user.id, () => earlierOf(conversation_id, turn));
    if (earlier.userId !== undefined && earlier.userId !== caller.user.id)
      throw new ChatError("FORBIDDEN", { message: "This message is somebody else's." });
    if (!earlier.hasEnded && on_busy !== "interrupt") throw stillRuns();
    await checkNobodyAnswers(bus, conversation_id, own);
    return earlier;
  };

  return {
    /**
     * Where a message goes; nothing is looked up where it names no turn. In a conversation that is known to be its sender's. Throws NOT_FOUND for turns that are not there, FORBIDDEN for one of
     * somebody else, CONFLICT where it has not ended, another place was named, or a person answers in place of the agent: what that person says would be on another branch.
     */
    async place(caller: Caller, frame: GivenMessageFrame, own: TurnId): Promise<Placed> {
      const { conversation_id, parent, supersedes, placed } = frame;
      if (placed !== undefined) return placed;
      if (parent === undefined && supersedes === undefined) return {};
      if (conversation_id === undefined) return freshPlace(frame);
      if (supersedes === own || parent === own) throw notItself();
      if (supersedes === undefined) {
        if (typeof parent === "string") await enter(caller.user.id, () => earlierOf(conversation_id, parent));
        return parent === undefined ? {} : { parent };
      }
      const earlier = await superseded(caller, { ...frame, conversation_id }, { turn: supersedes, own });
      if (parent !== undefined && parent !== earlier.parent) throw elsewhere();
      return { parent: earlier.parent, supersedes };
    },

    /** `regenerate`: the message that asks the same once more, and where it goes. Throws the same. */
    async again(caller: Caller, frame: Omit<RegenerateFrame, "type">): Promise<AgainFrame> {
      const { message_id, conversation_id } = frame;
      await ownership.check(conversation_id, caller, "conversation:send");
      const supersedes = turnOfMessage(message_id);
      if (supersedes === undefined) throw noSuchTurn();
      const own = turnIdOf(caller.user.id, conversation_id, frame.id);
      if (supersedes === own) throw notItself();
      const { parent, text: written, files } = await superseded(caller, frame, { turn: supersedes, own });
      const text = await askedNow({ bus, questionNow }, conversation_id, { turn: supersedes, own }, written);
      const given = await givenWith(bus.facts, conversation_id, supersedes);
      const { message_id: _, ...asked } = frame;
      return { ...asked, type: "message", message: text, files, given, placed: { parent, supersedes } };
    },
  };
}

/** What was accepted before is repeated as it was, whatever became of the question since. Throws CONFLICT where that was deleted. */
async function askedNow(
  { bus: { facts }, questionNow }: Pick<BranchDeps, "bus" | "questionNow">,
  conversation: ConversationId,
  { turn, own }: { readonly turn: TurnId; readonly own: TurnId },
  written: string,
): Promise<string> {
  const now = await questionNow(conversation, turn);
  if (now?.message === undefined && now?.deleted_at === undefined) return written;
  const said = await facts.read("said", { conversation, turn: own });
  if (said?.kind === "said") return said.message;
  if (now.message === undefined) throw wasDeleted();
  return now.message;
}

/** What was accepted before, a person came only later: it is repeated as it was. */
async function checkNobodyAnswers(
  { handovers, facts }: BranchDeps["bus"],
  conversation: ConversationId,
  own: TurnId,
): Promise<void> {
  if (!isHandedOver(await handovers.of(conversation))) return;
  if ((await facts.read("said", { conversation, turn: own })) === undefined) throw personAnswers();
}

/** What the client of an earlier message brought with it: the answer once more is one to the same. Throws CONFLICT where that was too much to be kept. */
async function givenWith(
  facts: BranchDeps["bus"]["facts"],
  conversation: ConversationId,
  turn: TurnId,
): Promise<GivenContext | undefined> {
  const said = await facts.read("said", { conversation, turn });
  if (said?.kind !== "said") return undefined;
  if (said.given_left_out === true) throw notKept();
  return said.given;
}

type Wanted = Pick<RegenerateFrame, "conversation_id" | "on_busy">;

/** A message that has its place. */
export type AgainFrame = GivenMessageFrame & { readonly conversation_id: ConversationId; readonly placed: Placed };

function freshPlace({ parent, supersedes }: MessageFrame): Placed {
  if (typeof parent === "string" || supersedes !== undefined) throw noSuchTurn();
  return {};
}

/** Of a turn that has not left the queue, with its text as it is now. */
async function queuedOf(
  { turns, transcripts, waitingTexts }: BranchDeps["bus"],
  conversation: ConversationId,
  turn: TurnId,
): Promise<Earlier | undefined> {
  const queued = await turns.waiting(conversation);
  const at = queued.findIndex(({ request }) => request.turn_id === turn);
  const found = queued[at];
  if (found === undefined) return undefined;
  const { request } = found;
  const [text, hasEnded] = await Promise.all([waitingTexts.read(request), turns.hasEnded(found)]);
  const parent =
    request.parent === undefined ? await beforeIn(transcripts, queued.slice(0, at), found) : request.parent;
  const { files = noFiles } = request;
  return { parent, text: text?.message ?? request.message, files, userId: request.user.id, hasEnded };
}

/** The turn before one that says nothing: in the queue, or the newest that has left it. */
async function beforeIn(
  transcripts: BranchDeps["bus"]["transcripts"],
  earlier: readonly QueuedTurn[],
  { seq: place, storedMs, request: { conversation_id, turn_id } }: QueuedTurn,
): Promise<TurnId | null> {
  const last = earlier.at(-1);
  if (last !== undefined) return last.request.turn_id;
  const asOf = { place, queued_at: storedMs };
  const { turns = [] } = (await transcripts.path(conversation_id, { limit: 4, asOf })) ?? {};
  return turns.findLast((turn) => turn.turn_id !== turn_id)?.turn_id ?? null;
}

async function recordedOf(
  { transcripts }: BranchDeps["bus"],
  conversation: ConversationId,
  turnId: TurnId,
): Promise<Earlier | undefined> {
  const { turn, parent } = (await transcripts.placeOf(conversation, turnId)) ?? {};
  if (turn?.question === undefined || parent === undefined) return undefined;
  const { message: text, parts = [], author } = turn.question;
  return { parent, text, files: filesOf(parts), userId: author.id, hasEnded: turn.answer !== undefined };
}

function noSuchTurn(): ChatError {
  return new ChatError("NOT_FOUND", { message: "There is no such message in this conversation, or it is too old." });
}

function stillRuns(): ChatError {
  const message = "This answer has not ended: stop it first, or send this with on_busy: interrupt.";
  return new ChatError("CONFLICT", { message });
}

function personAnswers(): ChatError {
  const message =
    "A person answers in this conversation: nothing can be answered again before they have given it back.";
  return new ChatError("CONFLICT", { message });
}

function notKept(): ChatError {
  const message =
    "The client of this message brought the conversation itself, and more of it than is kept here: ask again with that client.";
  return new ChatError("CONFLICT", { message });
}

function notItself(): ChatError {
  return new ChatError("CONFLICT", {
    message: "This is the id of that very message. Send this one under an id of its own.",
  });
}

function elsewhere(): ChatError {
  return new ChatError("CONFLICT", { message: "The message that this one supersedes was asked behind another turn." });
}
