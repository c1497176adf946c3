import {
  chatErrorOf,
  createTurnView,
  foldEvent,
  isVisible,
  pendingCallsOf,
  toolCallsOf,
  type CallId,
  type ChatError,
  type FrameError,
  type Outcome,
  type ReadEvent,
  type TurnView,
} from "@parley/protocol";
import { openAiErrorOf } from "../openai/error.ts";
import type { TurnSpeech } from "../turn/speech.ts";
import { createTurnSteps } from "../turn/steps.ts";
import type { TurnStep } from "../turn/turn-step.ts";
import type { TurnPlace } from "../turn-watch.ts";
import { createOutput, type OutputEvent } from "./encode.ts";
import { responseObject, statusOf, type ResponseAbout, type ResponseState } from "./objects.ts";
import type { Plan } from "./plan.ts";
import { createTurnParts } from "./state.ts";

/** What a stream of a response is made for. */
export interface ResponsesSpeechOptions extends Omit<ResponseAbout, "place"> {
  /** Which piece of its turn: see `ResponsePlace`. */
  readonly segment: number;
  /** It goes on for a client that has some of it. */
  readonly from?: { readonly history: TurnHistory; readonly after: number } | undefined;
}

/** What is known of a response beside its turn. */
export type ResponseKnown = Omit<ResponsesSpeechOptions, "from">;

/** How what is said goes to the client. */
export interface ResponsesCarrier {
  /** `isEnd`: nothing follows. */
  events(events: readonly OutputEvent[], isEnd: boolean): Uint8Array[];
  /** Nothing was told of the turn, and nothing will be. */
  error(error: ChatError): Uint8Array[];
}

/** Server-sent events, with the line behind the last of them. */
const sseCarrier: ResponsesCarrier = {
  events(events, isEnd) {
    const text = events.map(frameOf).join("") + (isEnd ? done : "");
    return text === "" ? [] : [Buffer.from(text)];
  },
  error(error) {
    const { message, param, code } = openAiErrorOf(error).error;
    return this.events([{ type: "error", sequence_number: 0, code, message, param }], true);
  },
};

const done = "data: [DONE]\n\n";

/** One response, as `response.*` events. The numbers of the events are the same in each stream of it: see `createOutput`. */
export function createResponsesSpeech(
  { from, ...known }: ResponsesSpeechOptions,
  carrier: ResponsesCarrier = sseCarrier,
): TurnSpeech {
  const after = from?.after ?? -1;
  let telling = from && goingOn(from.history, known);
  return {
    name: "responses",
    steps: { takesBack: "any", ...(from === undefined ? {} : { has: from.history.turn.parts }) },
    say(steps, place) {
      telling ??= createTelling(known, place);
      const next = telling.take(steps);
      return { bytes: carrier.events(telling.takeEvents().filter(isAfter(after)), next === "end"), next };
    },
    refuse(error) {
      if (telling === undefined) return carrier.error(chatErrorOf(error));
      telling.fail(error);
      return carrier.events(telling.takeEvents(), true);
    },
  };
}

/**
 * What clients were told, as far as it is known when another stream begins. Where the answer begins anew at that moment, they may have what is taken back, and it
 * must be told like that; else what was taken back before is passed over.
 */
function goingOn({ telling, turn }: TurnHistory, known: ResponseKnown): Telling {
  if (!telling.output.isInDoubt()) return toldOf(turn, known, telling.about.place);
  telling.renumber();
  return telling;
}

const isAfter =
  (after: number) =>
  ({ sequence_number }: OutputEvent): boolean =>
    sequence_number > after;

function frameOf(event: OutputEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

type Telling = ReturnType<typeof createTelling>;

/** All that there is to be said of one response, step by step. */
function createTelling({ segment, ...options }: ResponseKnown, turn: TurnPlace) {
  const about: ResponseAbout = { ...options, place: { ...turn, segment } };
  const parts = createTurnParts();
  const output = createOutput(about.place);
  let state: "new" | "going" | "over" = "new";
  let outcome: Outcome | undefined;

  const tellState = (type: string, known: ResponseState): void => {
    output.tell(type, { response: responseObject(about, known) });
  };
  const begin = (): void => {
    if (state !== "new") return;
    state = "going";
    const known = { status: "in_progress", output: [] } as const;
    for (const type of ["created", "in_progress"]) tellState(`response.${type}`, known);
  };
  const end = (plan: Plan): void => {
    state = "over";
    const ending = endingOf(plan, outcome);
    const type = ending.status === "completed" || ending.status === "failed" ? ending.status : "incomplete";
    tellState(`response.${type}`, { ...ending, output: output.items(plan) });
  };

  return {
    ...{ about, output, segments: parts.segments, renumber: parts.renumber },
    asked: (): CallId[] => parts.asked(segment),
    plan: (): Plan => parts.plan(segment),
    outcome: (): Outcome | undefined => outcome,
    take(steps: readonly TurnStep[]): "more" | "end" {
      if (state === "over") return "end";
      for (const step of steps) {
        if (step.type === "started") begin();
        if (step.type === "ended") ({ outcome } = step);
        parts.take(step);
        if (step.type === "restarted") output.takeBack();
      }
      const plan = parts.plan(segment);
      output.say(plan, plan.end === "over" ? outcome : undefined);
      if (plan.end === undefined) return "more";
      end(plan);
      return "end";
    },

    /** The turn was deleted. */
    fail(error: FrameError): void {
      if (state === "over") return;
      begin();
      state = "over";
      tellState("response.failed", { status: "failed", output: [], error: chatErrorOf(error) });
    },
    takeEvents: output.takeEvents,
  };
}

/** How a response ends: in the middle of its turn, or with it. */
function endingOf({ end }: Plan, outcome: Outcome | undefined) {
  const own = end === "over" ? outcome : undefined;
  return { status: own === undefined ? "completed" : statusOf(own), outcome: own } as const;
}

/** A response as it stands. `undefined`: its turn has no such piece. */
export function responseOf(turn: TurnView, options: ResponseKnown, place: TurnPlace): object | undefined {
  const telling = toldOf(turn, options, place, decidedIn(turn));
  if (options.segment >= telling.segments()) return undefined;
  const plan = telling.plan();
  const going = { status: turn.status === "queued" ? "queued" : "in_progress" } as const;
  const stands = plan.end === undefined ? going : endingOf(plan, telling.outcome());
  return responseObject(telling.about, { ...stands, output: telling.output.items(plan) });
}

/** `more`: what happened and cannot be seen any more. */
export function toldOf(
  turn: TurnView,
  options: ResponseKnown,
  place: TurnPlace,
  more: readonly TurnStep[] = [],
): Telling {
  const telling = createTelling(options, place);
  telling.take([...createTurnSteps({ takesBack: "any" }).advance(turn), ...more]);
  return telling;
}

/** A turn whose calls were all decided on does not wait any more, and may have nothing new yet: it has waited. */
function decidedIn(turn: TurnView): TurnStep[] {
  const calls = toolCallsOf(turn).filter(({ approval }) => approval?.approved !== undefined);
  return calls.length === 0 || pendingCallsOf(turn).length > 0 ? [] : [{ type: "waiting", calls }];
}

/** What was told of a turn until now, by its events. */
export interface TurnHistory {
  readonly turn: TurnView;
  /** How many events the response has. */
  readonly length: number;
  /** Who has an event from this number on may have something else than the answer: it has begun anew since. */
  readonly doubtfulFrom: number;
  readonly telling: Telling;
}

/**
 * What clients may have of a response, by all events of its turn in their order. Undefined: its beginning is not kept any more. A number below `doubtfulFrom`
 * means the same events in each stream of the response that there was or will be.
 */
export function historyOf(
  place: TurnPlace,
  events: readonly ReadEvent[],
  known: ResponseKnown,
): TurnHistory | undefined {
  const told = events.filter((event) => "turn_id" in event && event.turn_id === place.turn_id);
  if (!hasBeginning(told)) return undefined;
  const telling = createTelling(known, place);
  const steps = createTurnSteps({ takesBack: "any" });
  let turn = createTurnView(place.turn_id);
  for (const event of told) {
    if (!isVisible(event.type)) continue;
    turn = foldEvent(turn, event);
    telling.take(steps.advance(turn, event.type === "tool_call_progress" ? event : undefined));
  }
  return { turn, length: telling.output.length(), doubtfulFrom: telling.output.doubtfulFrom(), telling };
}

/** Events go in the order in which they came: where the first of the turn's chain is, all are. */
function hasBeginning(events: readonly ReadEvent[]): boolean {
  const chained = events.filter((event) => "attempt" in event);
  return chained.length === 0 || chained.some((event) => event.attempt === 1 && event.n === 0);
}
