import {
  conversationOfSession,
  createAgUiSpeech,
  decisionsOf,
  runOf,
  sayThread,
  turnOfQuestion,
  type AgUiSpeechOptions,
  type AskedRun,
  type DecisionRefusal,
  type RunAgentInput,
  type TurnPlace,
} from "@parley/dialects";
import { ChatError, pendingCallsOf, type ConversationId, type Parts, type TurnId } from "@parley/protocol";
import type { FacadeDeps } from "../../transport/facade.ts";
import type { Question } from "../../transport/http-turns.ts";
import type { Reply } from "../../transport/reply.ts";
import { given, type Call } from "../../transport/route.ts";
import { eventStreamHeaders } from "../../transport/sse-sink.ts";
import { queuedTurn, readThread } from "./threads.ts";

export type RunDeps = Pick<FacadeDeps, "streams" | "commands" | "conversations" | "ownership" | "bus">;

interface Run {
  readonly call: Call;
  readonly asked: AskedRun;
  readonly conversation: ConversationId;
}

export type Runs = ReturnType<typeof createRuns>;

/**
 * Runs of AG-UI's clients. A run brings the whole thread; what is new in it is its last user message, whose id is the message's, or the word on calls that wait. A
 * run with nothing new looks at what runs.
 */
export function createRuns(deps: RunDeps) {
  const begin = async (call: Call, input: RunAgentInput): Promise<Run> => {
    const asked = runOf(input);
    const conversation = await conversationOfSession(deps.ownership.isOwn, call.caller, asked.threadId);
    return { call, asked, conversation };
  };
  return {
    /** `agent`: who is to answer; undefined: the message is routed. */
    async run(call: Call, input: RunAgentInput, agent: string | undefined): Promise<Reply | undefined> {
      const run = await begin(call, input);
      if (run.asked.resume.length > 0) return resume(deps, run, agent);
      const { question, hasAnswer } = run.asked;
      if (question === undefined || hasAnswer || (await namedByUs(deps, run)) !== undefined) return look(deps, run);
      return ask(deps, run, agent);
    },

    /** The thread as it is kept, and then what runs. */
    async connect(call: Call, input: RunAgentInput): Promise<Reply | undefined> {
      const run = await begin(call, input);
      const place = await deps.streams.active(call.caller, run.conversation);
      if (place !== undefined) return attach(deps, run, place);
      return sayAll(deps, run);
    },

    /** Stops what runs. False: nothing does. */
    async stop({ caller }: Call, threadId: string): Promise<boolean> {
      const conversation = await conversationOfSession(deps.ownership.isOwn, caller, threadId);
      try {
        await deps.commands.cancel(caller, { conversation_id: conversation });
        return true;
      } catch (error) {
        if (error instanceof ChatError && error.code === "NOT_FOUND") return false;
        throw error;
      }
    },
  };
}

function optionsOf({ threadId, runId, isOne, thread }: AskedRun): AgUiSpeechOptions {
  return { threadId, runId, isOne, thread };
}

function ask({ streams }: RunDeps, { call, asked, conversation }: Run, agent?: string): Promise<Reply | undefined> {
  const { question, model } = asked;
  if (question === undefined) throw new ChatError("EMPTY_MESSAGE");
  const message: Question = {
    type: "message",
    id: question.id,
    message: question.text,
    conversation_id: conversation,
    on_busy: "enqueue",
    ...given("agent", agent),
    ...given("model", model),
    ...given("brought", question.files.length === 0 ? undefined : question.files),
  };
  return streams.stream(call, { question: message }, { speech: createAgUiSpeech(optionsOf(asked)) });
}

/** The turn of the last user message, if the client has it from a replay: then its name is ours, and it was asked already. */
async function namedByUs(
  deps: RunDeps,
  { call: { caller }, asked: { question }, conversation }: Run,
): Promise<TurnPlace | undefined> {
  const turn_id = question === undefined ? undefined : turnOfQuestion(question.id);
  if (turn_id === undefined || !(await deps.ownership.isOwn(conversation, caller))) return undefined;
  const place = { conversation_id: conversation, turn_id };
  const isThere =
    (await queuedTurn(deps, conversation, turn_id)) !== undefined ||
    (await deps.streams.ended(caller, place)) !== undefined;
  return isThere ? place : undefined;
}

/** Nothing is asked: the answer to the client's last question, if that is still open; else what runs, else what was answered last. */
async function look(deps: RunDeps, run: Run): Promise<Reply | undefined> {
  const { call, asked, conversation } = run;
  const last = await lastAsked(deps, run);
  const isOpen = last !== undefined && (await queuedTurn(deps, conversation, last.turn_id)) !== undefined;
  const active = isOpen ? undefined : await deps.streams.active(call.caller, conversation);
  if (active !== undefined) return attach(deps, run, active);
  if (last !== undefined) {
    const speech = createAgUiSpeech({ ...optionsOf(asked), isReplacing: true });
    return deps.streams.stream(call, { place: last }, { speech }).catch(nothingNew);
  }
  if (await deps.ownership.isOwn(conversation, call.caller)) return sayAll(deps, run);
  throw new ChatError("EMPTY_MESSAGE", { message: "There is no user message, and nothing is known of the thread." });
}

async function lastAsked(deps: RunDeps, run: Run): Promise<TurnPlace | undefined> {
  const { call, asked, conversation } = run;
  if (asked.question === undefined) return undefined;
  return (await namedByUs(deps, run)) ?? deps.streams.placeOf(call.caller, conversation, asked.question.id);
}

function nothingNew(error: unknown): never {
  if (!(error instanceof ChatError) || error.code !== "NOT_FOUND") throw error;
  const message = "There is nothing new to answer, and nothing runs in the thread: its last user message must be last.";
  throw new ChatError("NOT_FOUND", { message, cause: error });
}

/** From the beginning of the turn: the client may have some of it, or of another one. */
async function attach(deps: RunDeps, { call, asked, conversation }: Run, place: TurnPlace): Promise<Reply | undefined> {
  const has = asked.thread;
  const thread = await readThread(deps, { conversation, caller: call.caller, has }, place.turn_id);
  const speech = createAgUiSpeech({ ...optionsOf(asked), thread, isReplacing: true });
  return deps.streams.stream(call, { place }, { speech });
}

async function sayAll(deps: RunDeps, { call, asked, conversation }: Run): Promise<Reply> {
  const isOwn = await deps.ownership.isOwn(conversation, call.caller);
  const thread = isOwn ? await readThread(deps, { conversation, caller: call.caller, has: asked.thread }) : [];
  return { status: 200, headers: eventStreamHeaders, body: sayThread({ ...optionsOf(asked), thread }) };
}

/** The word on calls that wait, and what becomes of the turn then. */
async function resume(deps: RunDeps, run: Run, agent: string | undefined): Promise<Reply | undefined> {
  const { call, asked, conversation } = run;
  const { turn, decisions } = decisionsOf(asked.resume);
  const place = { conversation_id: conversation, turn_id: turn };
  await deps.ownership.check(conversation, call.caller, "conversation:read");
  const has = await partsOfWaiting(
    deps,
    call,
    place,
    decisions.map(({ call_id }) => call_id),
  );
  const refusals: DecisionRefusal[] = [];
  for (const decision of decisions) {
    const refusal = await decide(deps, call, { ...decision, conversation_id: conversation }, has !== undefined);
    if (refusal !== undefined) refusals.push(refusal);
  }
  if (await hasTurnedAway(deps, run, turn)) return ask(deps, run, agent);
  // What CopilotKit has made up of a decision would stay before the call's own result.
  const isReplacing = has === undefined || decisions.some(({ call_id }) => asked.madeUp.has(call_id));
  const speech = createAgUiSpeech({
    ...optionsOf(asked),
    isReplacing,
    refusals,
    ...(has === undefined ? {} : { has }),
  });
  return deps.streams.stream(call, { place }, { speech });
}

/** Its person has asked something else beside (assistant-ui's `steerAway`): that is answered after what waited. */
async function hasTurnedAway(deps: RunDeps, run: Run, turn: TurnId): Promise<boolean> {
  const { call, asked, conversation } = run;
  if (asked.question === undefined || asked.hasAnswer || (await namedByUs(deps, run)) !== undefined) return false;
  return deps.streams.placeOf(call.caller, conversation, asked.question.id).turn_id !== turn;
}

/** What the client has of the turn; undefined: it waits for these calls no more. Throws INVALID_FRAME where it waits for others as well, NOT_FOUND. */
async function partsOfWaiting(
  { streams, bus }: RunDeps,
  call: Call,
  place: TurnPlace,
  calls: readonly string[],
): Promise<Parts | undefined> {
  const { conversation_id: conversation, turn_id: turn } = place;
  const decided = await Promise.all(calls.map((one) => bus.facts.read("decided", { conversation, turn, call: one })));
  // The turn may run for long: nothing is waited for.
  if (decided.some((fact) => fact !== undefined)) return undefined;
  const { turn: view } = await streams.settle(call, { place }, { stopsAtWait: true });
  if (view.outcome !== undefined) return undefined;
  const missing = pendingCallsOf(view).find(({ call_id }) => !calls.includes(call_id));
  if (missing !== undefined) {
    const message = `All that waits has to be answered together: \`resume\` lacks the interrupt ${missing.call_id}.`;
    throw new ChatError("INVALID_FRAME", { message });
  }
  return view.parts;
}

/**
 * What keeps a decision from counting does not keep the turn from going on: a client that was refused would never leave its interrupt. `isWaiting`: a call that
 * is not found was never there.
 */
async function decide(
  { commands }: RunDeps,
  { caller }: Call,
  decision: Parameters<RunDeps["commands"]["approve"]>[1],
  isWaiting: boolean,
): Promise<DecisionRefusal | undefined> {
  try {
    await commands.approve(caller, decision);
    return undefined;
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
    const { code, message } = error;
    const isOver = code === "CONFLICT" || code === "APPROVAL_EXPIRED" || (code === "NOT_FOUND" && !isWaiting);
    if (!isOver) throw error;
    return { interruptId: decision.call_id, code, message };
  }
}
