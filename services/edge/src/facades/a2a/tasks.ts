import {
  noSuchTask,
  placeOfTask,
  taskObject,
  type TaskExtras,
  type TaskPlace,
  type TaskQuestion,
  type TaskView,
} from "@parley/dialects";
import {
  outcomeOf,
  pendingCallsOf,
  storedParts,
  type Caller,
  type StoredTurn,
  type TranscriptMessage,
  type TurnView,
} from "@parley/protocol";
import type { FacadeDeps } from "../../transport/facade.ts";
import type { Call } from "../../transport/route.ts";
import type { SettleHow } from "../../transport/turn-streams.ts";

/** A task as it stands. */
export interface KnownTask {
  readonly place: TaskPlace;
  readonly view: TaskView;
  readonly question: TaskQuestion | undefined;
  /** When its end was stored, or its message, ms since 1970. */
  readonly atMs: number | undefined;
}

export type TaskReading = ReturnType<typeof createTaskReading>;

/** Finds tasks: what has ended in the transcript, what has not as a viewer of its conversation sees it. */
export function createTaskReading({ streams, bus, ownership }: Pick<FacadeDeps, "streams" | "bus" | "ownership">) {
  return {
    /** Where a task of the caller's would be. Throws the same for what is somebody else's and what there is not. */
    async find(caller: Caller, taskId: string): Promise<TaskPlace> {
      const place = placeOfTask(caller, taskId);
      if (place === undefined) throw noSuchTask();
      await ownership.check(place.conversation_id, caller, "conversation:read");
      return place;
    },

    /** Throws NOT_FOUND where there is no such task, or not any more, MODEL_TIMEOUT where it cannot be seen within that time. */
    async read(call: Call, place: TaskPlace, how: Pick<SettleHow, "withinMs" | "signal"> = {}): Promise<KnownTask> {
      const { conversation_id: conversation, turn_id: turn } = place;
      const said = await bus.facts.readStored("said", { conversation, turn });
      const stored = await bus.transcripts.find(conversation, turn, said?.storedMs ?? 0);
      const ended = stored === undefined ? undefined : endedTask(place, stored);
      if (ended !== undefined) return ended;
      const settled = await streams.settle(call, { place }, { ...how, stopsAtWait: true, stopsAtOnce: true });
      const question = said?.fact.kind === "said" ? taskQuestionOf(said.fact) : undefined;
      return { place, view: taskViewOf(settled.turn), question, atMs: said && Math.floor(said.storedMs) };
    },
  };
}

/** Undefined: it has not ended. */
export function endedTask(place: TaskPlace, { question, answer }: StoredTurn): KnownTask | undefined {
  if (answer === undefined) return undefined;
  const view = { parts: storedParts(answer), outcome: outcomeOf(answer), pending: [], isWorking: true };
  return { place, view, question: question && taskQuestionOf(question), atMs: answer.ts };
}

type Said = Pick<TranscriptMessage, "message_id" | "message" | "author">;

function taskQuestionOf({ message_id: messageId, message: text, author }: Said): TaskQuestion {
  return { messageId, text, isOperators: author.role === "operator" };
}

export function taskViewOf(turn: TurnView): TaskView {
  const { parts, outcome, status } = turn;
  const pending = status === "waiting" ? pendingCallsOf(turn) : [];
  return { parts, outcome, pending, isWorking: status !== "queued" };
}

export function taskOf({ place, view, question, atMs }: KnownTask, extras: TaskExtras = {}): object {
  return taskObject(place, view, { question, atMs, ...extras });
}
