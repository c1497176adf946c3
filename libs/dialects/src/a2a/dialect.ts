import { chatErrorOf, textOf, type FrameError, type Parts } from "@parley/protocol";
import type { Said, TurnSpeech } from "../turn/speech.ts";
import type { TurnStep } from "../turn/turn-step.ts";
import type { TurnPlace } from "../turn-watch.ts";
import type { TaskPlace } from "./addresses.ts";
import {
  artifactUpdate,
  callMessage,
  decisionMessage,
  notedMessage,
  reasoningMessage,
  resultMessage,
  sourceMessage,
  statusUpdate,
  taskObject,
  workingUpdate,
  type TaskQuestion,
  type TaskView,
} from "./encode.ts";
import { errorAnswer, type RpcId } from "./faults.ts";
import { applyStep, createTaskState, partsOf, type TaskState } from "./state.ts";

export interface A2aSpeechOptions {
  /** Of the request that is answered. */
  readonly requestId: RpcId;
  /** What the client calls the context, where that is not the conversation's own id. */
  readonly context?: string | undefined;
  readonly question?: TaskQuestion | undefined;
  /** Whether the stream goes on while the task waits for people. Else it ends, and a reply begins another one. */
  readonly staysAtWait?: boolean;
  /** What the answer was when somebody decided on its calls: the waits in it are over. */
  readonly has?: Parts | undefined;
}

/** A stream of A2A 1.0 over JSON-RPC: first the task as it stands, then what changes. */
export function createA2aSpeech(options: A2aSpeechOptions): TurnSpeech {
  const { requestId: id, context, question, staysAtWait = false, has } = options;
  const state = createTaskState(has);
  let hasBegun = false;
  const bytesOf = (result: object): Buffer =>
    Buffer.from(`data: ${JSON.stringify({ jsonrpc: "2.0", id, result })}\n\n`);
  const placeOf = (place: TurnPlace): TaskPlace => ({ ...place, context });

  const begin = (steps: readonly TurnStep[], place: TaskPlace): object[] => {
    hasBegun = true;
    for (const step of steps) applyStep(state, step);
    state.hasArtifact = textOf(partsOf(state)) !== "";
    return [{ task: taskObject(place, viewOf(state), { question }) }];
  };

  return {
    name: "a2a",
    steps: { takesBack: "any", ...(has === undefined ? {} : { has }) },
    say(steps, turnPlace): Said {
      const place = placeOf(turnPlace);
      const frames = hasBegun ? goOn(state, steps, place) : begin(steps, place);
      return { bytes: frames.map(bytesOf), next: nextAfter(steps, staysAtWait) };
    },
    refuse: (error: FrameError) => [Buffer.from(`data: ${JSON.stringify(errorAnswer(id, chatErrorOf(error)))}\n\n`)],
  };
}

function nextAfter(steps: readonly TurnStep[], staysAtWait: boolean): Said["next"] {
  if (steps.some(({ type }) => type === "diverged")) return "cut";
  if (steps.some(({ type }) => type === "ended")) return "end";
  return !staysAtWait && steps.some(({ type }) => type === "waiting") ? "end" : "more";
}

function viewOf(state: TaskState): TaskView {
  const { outcome, calls: pending, isWorking } = state;
  return { parts: partsOf(state), outcome, pending, isWorking };
}

/** The frames of steps behind the first ones. Text that comes together is told together. */
function goOn(state: TaskState, steps: readonly TurnStep[], place: TaskPlace): object[] {
  const frames: object[] = [];
  let added = "";
  let isTakenBack = false;
  // While some of several calls still wait, the task does.
  const work = (message?: object): void =>
    void frames.push(state.calls.length > 0 ? statusUpdate(place, viewOf(state)) : workingUpdate(place, message));
  const flush = (): void => {
    const text = isTakenBack ? textOf(partsOf(state)) : added;
    const isAppended = !isTakenBack && state.hasArtifact;
    // What is taken back and was never sent needs no word.
    if (text !== "" || (isTakenBack && state.hasArtifact)) {
      frames.push(artifactUpdate(place, text, isAppended));
      state.hasArtifact = true;
    }
    added = "";
    isTakenBack = false;
  };
  for (const step of steps) {
    const wasWorking = state.isWorking && state.calls.length === 0;
    applyStep(state, step);
    if (step.type === "restarted") isTakenBack = true;
    if (step.type === "added" && step.kind === "text") added += step.text;
    if (step.type === "ended" || step.type === "waiting") {
      flush();
      frames.push(statusUpdate(place, viewOf(state)));
      continue;
    }
    const message = messageOf(step, place);
    if (message !== undefined) {
      flush();
      work(message);
    } else if (!wasWorking && state.isWorking) work();
  }
  flush();
  return frames;
}

function messageOf(step: TurnStep, place: TaskPlace): object | undefined {
  switch (step.type) {
    case "noted":
      return notedMessage(place, step.event);
    case "closed":
      return step.kind === "reasoning" ? reasoningMessage(place, step.at, step.text) : undefined;
    case "called":
      return callMessage(place, step.call);
    case "decided":
      return decisionMessage(place, step.call);
    case "returned":
      return resultMessage(place, step.call);
    case "found":
      return sourceMessage(place, step.at, step.source);
    default:
      return undefined;
  }
}
