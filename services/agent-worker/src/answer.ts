import { ChatError, outcomeOf, type AnswerMetadata, type Outcome, type StoredTurn } from "@parley/protocol";
import { noTools, type ToolOffer } from "./agents/tool-offer.ts";
import type { RightsOf } from "./agents/turn-rights.ts";
import type { Brief, Briefing } from "./briefing.ts";
import type { Chain } from "./chain.ts";
import type { Classify } from "./classifier.ts";
import type { ClaimedTurn } from "./claimed-turn.ts";
import { completeOutcome } from "./ending.ts";
import type { TurnFiles, TurnFilesOf } from "./files/turn-files.ts";
import { groundsOf } from "./retrieval/citations.ts";
import { wantsNoTools } from "./given.ts";
import type { AgentGuard, Guards } from "./guards/guards.ts";
import { withAskPerson } from "./handover/ask-person.ts";
import { handoverIn, type Handover } from "./handover/handover.ts";
import type { AnsweredStep, ModelStep } from "./model-step.ts";
import { isOutOfCalls } from "./step-calls.ts";
import type { PlannedCall } from "./planned-call.ts";
import { sharedRoomOf } from "./rooms/room-context.ts";
import { withWarning } from "./safety/opening.ts";
import type { SafetyLists } from "./safety/safety-lists.ts";
import type { Summaries } from "./summaries.ts";
import { createToolStep, openStep, type ToolStepDeps } from "./tool-step.ts";
import { withMemory, type MemoryOf, type TurnMemory } from "./turn-memory.ts";
import { progressKey, type TurnFold } from "./turn-fold.ts";

export interface AnswerDeps extends ToolStepDeps {
  readonly modelStep: ModelStep;
  readonly plannedCall: PlannedCall;
  readonly handover: Handover;
  readonly toolOffer: ToolOffer;
  /** Model calls of one turn, over all attempts. The last one gets no tools; if it asks for some all the same, the turn ends with STEP_LIMIT. */
  readonly maxSteps: number;
  readonly brief: Brief;
  readonly safety: SafetyLists;
  readonly guards: Guards;
  /** A model that is asked which agent a message is for. */
  readonly classify?: Classify | undefined;
  readonly rightsOf: RightsOf;
  /** What is remembered of whoever asks, for the agents that are given it. */
  readonly memoryOf: MemoryOf;
  readonly filesOf: TurnFilesOf;
  /** Undefined: the beginnings of conversations are not summarised. */
  readonly summaries?: Pick<Summaries, "before"> | undefined;
}

/** `waiting`: for a person, and by nobody held. */
export type AnswerEnd = Outcome | "waiting";

export type Answer = ReturnType<typeof createAnswer>;

/**
 * Attempts that may ask a model who answers. Its word is lost with a worker that is killed before it could store it; a message that kills its workers must not ask without end.
 */
const mostClassifying = 2;

function classifying({ attempt }: ClaimedTurn, classify: Classify | undefined): Classify | undefined {
  return attempt > mostClassifying ? undefined : classify;
}

/** The loop of a turn: model, tools, model, … until the model answers. It begins where the fold says that an earlier attempt stopped. */
function createLoop(
  {
    brief,
    classify,
    safety,
    guards,
    rightsOf,
    memoryOf,
    filesOf,
    summaries,
    modelStep,
    toolOffer,
    maxSteps,
  }: AnswerDeps,
  { runTools }: Pick<ReturnType<typeof createToolStep>, "runTools">,
) {
  return async (turn: ClaimedTurn, chain: Chain, history: readonly StoredTurn[]): Promise<AnswerEnd> => {
    const { request, fold, stop, spending, span } = turn;
    const { told } = fold;
    const isTold = (step: string, message: string) => told === "all" || told.has(progressKey({ step, message }));
    const { mayUse, mayRun } = rightsOf(request);
    const { decisions } = fold;
    const { room, ...before } = await readBefore(turn, history, summaries);
    const classified = classifying(turn, classify);
    const asking = { classify: classified, spending, signal: stop.signal, ...(room && { nameOf: room.nameOf }) };
    const briefed = await brief({ request, history, chain, isTold, decisions, mayUse, ...asking, span });
    const files = await filesOf({ turn, history, agent: briefed.agent, chain, isTold });
    const guard = guards.of(briefed.agent);
    await checkInput(guard, turn, files);
    const briefing = await withWarning(briefed, { turn, chain, safety });
    const memory = await memoryOf(turn, briefing.agent, mayRun);
    const tell = (message: string): void => chain.push({ type: "progress", step: "tools", message });
    const offerTools = toolOffer({ agent: briefing.agent, mayRun, signal: stop.signal, tell });
    for (;;) {
      if (fold.steps.length >= maxSteps) throw new ChatError("STEP_LIMIT");
      const open = openStep(fold);
      if (open !== undefined && (await runTools(turn, chain, open, memory))) return "waiting";
      const isLast = fold.steps.length === maxSteps - 1 || isOutOfCalls(fold);
      const mustAnswer = isLast || wantsNoTools(request);
      const { note, ...offer } = mustAnswer ? noTools : withAskPerson(briefing.agent, mayRun, await offerTools());
      const tools = mustAnswer ? offer : withMemory(offer, memory);
      const instructed = withNote(withMemoryText(briefing, memory), note);
      const asked = { briefing: instructed, ...tools, isLast };
      const end = await modelStep({ turn, chain, history, ...before, room, files, guard, ...asked });
      stop.signal.throwIfAborted();
      if (end.kind === "answered")
        return completeOutcome(turn, { ...metadataOf(briefing, end, fold.text), ...handoverIn(fold) });
    }
  };
}

/** Answers by the loop, or by the one call that a message names. */
export function createAnswer(deps: AnswerDeps) {
  const { rightsOf, plannedCall, handover, toolCalls } = deps;
  const { toolRun, runTools } = createToolStep(deps);
  const loop = createLoop(deps, { runTools });

  return {
    async run(turn: ClaimedTurn, chain: Chain): Promise<AnswerEnd> {
      const { request, fold } = turn;
      announce(fold, chain);
      const recorded = await turn.history;
      const earlier = recorded.find(({ turn_id }) => turn_id === request.turn_id)?.answer;
      if (earlier !== undefined) {
        if (fold.text !== earlier.message) chain.push({ type: "turn_restarted", text: earlier.message });
        return outcomeOf(earlier);
      }
      const unasked = await handover.end(turn, chain, recorded);
      if (unasked !== undefined) return unasked;
      rightsOf(request).checkChoice();
      if (request.given?.call !== undefined) return plannedCall(turn, chain, request.given.call);
      return loop(
        turn,
        chain,
        recorded.filter(({ turn_id, answer }) => turn_id !== request.turn_id && answer?.code !== "BLOCKED"),
      );
    },

    /** Calls that are open when the turn ends for another reason get an end too. */
    async closeTools(turn: ClaimedTurn): Promise<void> {
      const step = openStep(turn.fold);
      if (step !== undefined) await toolCalls.cancelOpen(await toolRun(turn, step));
    },
  };
}

/** Who has a part in the conversation, and what its beginning came to. */
async function readBefore(turn: ClaimedTurn, history: readonly StoredTurn[], summaries: AnswerDeps["summaries"]) {
  const { request } = turn;
  const room = sharedRoomOf({ room: await turn.room, request, history });
  return { room, summary: await summaries?.before(request, history, room) };
}

function withMemoryText(briefing: Briefing, memory: TurnMemory | undefined): Briefing {
  return memory === undefined ? briefing : withNote(briefing, memory.text);
}

/** What an agent has begun to answer was checked before. */
async function checkInput(
  guard: AgentGuard | undefined,
  { request, fold, stop }: ClaimedTurn,
  files: TurnFiles | undefined,
): Promise<void> {
  if (guard === undefined || fold.steps.length > 0 || fold.text !== "") return;
  const texts = [request.message, files?.askedText ?? ""].filter((text) => text !== "");
  await guard.checkInput(texts.join("\n\n"), stop.signal);
}

/** First of all: what follows the prompt are documents, and the note is none. */
function withNote(briefing: Briefing, note: string): Briefing {
  return note === "" ? briefing : { ...briefing, systemPrompt: `${note}\n\n${briefing.systemPrompt}` };
}

function metadataOf({ agent, confidence, sources }: Briefing, answered: AnsweredStep, text: string): AnswerMetadata {
  const { model, finish, clientCalls = [] } = answered;
  const handed = clientCalls.length === 0 ? {} : { client_calls: [...clientCalls] };
  const context = { sources: [...sources], ...(agent.collections.length === 0 ? {} : groundsOf(text, sources.length)) };
  return { agent: agent.name, confidence, model, context, finish, ...handed };
}

/** Text of a step that the lost worker did not finish stays until there is other text for it: see `createStepWriter`. */
function announce(fold: TurnFold, chain: Chain): void {
  if (!fold.visible) chain.push({ type: "thinking", message: "Thinking…" });
}
