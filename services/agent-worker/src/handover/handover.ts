import type { Handovers } from "@parley/bus";
import {
  askPersonTool,
  authorOf,
  isHandedOver,
  tellsHandover,
  type AnswerMetadata,
  type HandoverRecord,
  type Outcome,
  type StepCall,
  type StoredTurn,
} from "@parley/protocol";
import type { Chain } from "../chain.ts";
import type { ClaimedTurn } from "../claimed-turn.ts";
import { completeOutcome } from "../ending.ts";
import { createStepWriter } from "../step-writer.ts";
import { finishedCalls, type TurnFold } from "../turn-fold.ts";

export interface HandoverDeps {
  readonly handovers: Pick<Handovers, "of" | "ask" | "touch" | "expire" | "nowMs">;
  /** It ends when nobody has come by then. */
  readonly waitMs: number;
  /** It ends when whoever came says nothing for so long. */
  readonly idleMs: number;
  /** The largest event that the broker takes at the moment. */
  readonly maxEventBytes: () => number;
}

export type Handover = ReturnType<typeof createHandover>;

/**
 * Turns of conversations in which a person answers in place of the agent (docs/handover.md): they end without a model. Whether there may be such a hand-over is told by the
 * answers before, so that turns of others ask for nothing.
 */
export function createHandover({ handovers, waitMs, idleMs, maxEventBytes }: HandoverDeps) {
  const ask = ({ request }: ClaimedTurn, by: "user" | "agent", reason: string): Promise<HandoverRecord> => {
    const { conversation_id, turn_id, user, caller } = request;
    const { id, name } = user;
    return handovers.ask(conversation_id, {
      by: by === "user" ? authorOf(request) : { role: "assistant" },
      ...{ reason, turn_id, waitMs, idleMs },
      user: { id, ...(name === undefined ? {} : { name }) },
      tenant: caller?.tenant,
    });
  };

  const asked = async (turn: ClaimedTurn, chain: Chain): Promise<Outcome> => {
    const { request, fold } = turn;
    const record = await ask(turn, "user", request.message);
    // A lost worker may have told of it already, in part: then all of it is told again.
    const writer = createStepWriter(chain, fold, { maxEventBytes, reasoning: "dropped" });
    writer.text(sentenceOf(record));
    await chain.stored();
    fold.committedText = fold.text;
    return completeOutcome(turn, metadataOf(record.state));
  };

  /** How it stands, if a person answers here. One whose time is over ends, and the agent goes on. */
  const standing = async (conversation: string): Promise<HandoverRecord | undefined> => {
    const record = await handovers.of(conversation);
    if (!isHandedOver(record)) return undefined;
    const isOver = (record?.until ?? Infinity) <= (await handovers.nowMs());
    const now = isOver ? await handovers.expire(conversation) : record;
    return isHandedOver(now) ? now : undefined;
  };

  return {
    /** The end of a turn that asks no model; undefined: the agent answers. */
    async end(turn: ClaimedTurn, chain: Chain, history: readonly StoredTurn[]): Promise<Outcome | undefined> {
      const { request, fold } = turn;
      const { conversation_id: conversation } = request;
      if (request.handover === "ask") return asked(turn, chain);
      if (request.handover === "answer") {
        const record = await handovers.touch(conversation, request.user.id);
        return completeOutcome(turn, metadataOf(record?.state ?? "ended"));
      }
      // What an agent has begun it brings to its end: it was not handed over then.
      const hasBegun = fold.steps.length > 0 || fold.text !== "" || request.given?.call !== undefined;
      // Those before a branch do not say what came of the conversation behind them.
      if (hasBegun || (request.parent === undefined && !mayBeHandedOver(history))) return undefined;
      const record = await standing(conversation);
      return record === undefined ? undefined : completeOutcome(turn, metadataOf(record.state));
    },

    /** Runs a call of `ask_person`. Again, after a takeover: nobody is asked for twice. */
    async askPerson(turn: ClaimedTurn, { arguments: { reason } }: StepCall): Promise<string> {
      const record = await ask(turn, "agent", typeof reason === "string" ? reason : "");
      return record.state === "taken"
        ? "A person answers in this conversation already. Say so in one sentence, and nothing else."
        : "A person was asked to answer here, and you are silent from your next answer on. Tell the user in one or two sentences that somebody will come; promise no time.";
    },
  };
}

/** Of the answer in which an agent has asked for a person. */
export function handoverIn(fold: TurnFold): Pick<AnswerMetadata, "handover"> {
  const asked = fold.steps.some(({ calls }) => calls.some(({ tool_name }) => tool_name === askPersonTool));
  if (!asked) return {};
  const isDone = finishedCalls(fold).some((call) => call.tool_name === askPersonTool && call.status === "completed");
  return isDone ? { handover: "waiting" } : {};
}

/** Answers that were stopped or failed say nothing of it: those before them do. */
function mayBeHandedOver(history: readonly StoredTurn[]): boolean {
  for (const { answer } of history.toReversed()) {
    if (answer === undefined) continue;
    if (tellsHandover(answer)) return true;
    if (answer.status === "complete") return false;
  }
  return history.length > 0;
}

function metadataOf(state: HandoverRecord["state"]): AnswerMetadata {
  return { handover: state, finish: "stop" };
}

function sentenceOf({ state, operator }: HandoverRecord): string {
  return state === "taken"
    ? `${operator?.name ?? "A person"} answers here.`
    : "A person was asked to answer here. Until somebody comes, the assistant is silent; whoever comes reads what you write.";
}
