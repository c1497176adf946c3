import type { TurnPlace, TurnStep } from "@parley/dialects";
import { ChatError, toChatError, type Caller, type ToolCallPart } from "@parley/protocol";
import type { FacadeDeps } from "../../transport/facade.ts";
import type { Call } from "../../transport/route.ts";
import type { Settled, StreamTarget } from "../../transport/turn-streams.ts";

export type TurnDeps = Pick<FacadeDeps, "streams" | "commands" | "log">;

export interface LookHow {
  /** The client is gone, or has stopped the call. */
  readonly gone: AbortSignal;
  /** Whether the turn is stopped then (2026-07-28), or goes on (before). */
  readonly stops: boolean;
  /** Looks no longer than this. Absent: as long as a request may wait. */
  readonly withinMs?: number;
  /** Of calls on whose decision it would wait, whether that is to be told. */
  readonly tellsWait?: (calls: readonly ToolCallPart[]) => boolean;
  readonly onAccepted?: (place: TurnPlace) => void;
  readonly onSteps?: (steps: readonly TurnStep[]) => void;
}

/** Looked at for as long as was wished, and it has neither ended nor waits for anybody. */
export class StillRunning extends ChatError {
  constructor() {
    super("MODEL_TIMEOUT", { message: "The answer goes on." });
  }
}

/**
 * Looks at a turn until it has ended or waits for people. Throws what sending a message throws, MODEL_TIMEOUT where a request has waited for as long as it may,
 * and StillRunning. Whoever goes away before the message was accepted has it stopped as soon as it is.
 */
export async function lookAt(
  { streams, commands, log }: TurnDeps,
  { caller, exchange }: Call,
  target: StreamTarget,
  { gone, stops, withinMs, tellsWait = () => true, onAccepted, onSteps }: LookHow,
): Promise<Settled> {
  const looking = new AbortController();
  let accepted = "place" in target ? target.place : undefined;
  const leave = (): void => {
    if (accepted === undefined && stops) return;
    if (accepted !== undefined && stops)
      void stop(commands, caller, accepted).catch((err: unknown) =>
        log.warn({ err }, "an answer could not be stopped"),
      );
    looking.abort(unheard());
  };
  gone.addEventListener("abort", leave);
  const timer = withinMs === undefined ? undefined : setTimeout(() => looking.abort(new StillRunning()), withinMs);
  try {
    if (gone.aborted && accepted === undefined) throw unheard();
    // That the client goes away is this function's to handle.
    const here: Call = { caller, exchange: { ...exchange, header: exchange.header, onGone: () => {} } };
    return await streams.settle(here, target, {
      stopsAtWait: tellsWait,
      onAccepted(place) {
        accepted = place;
        if (gone.aborted) leave();
        else onAccepted?.(place);
      },
      ...(onSteps === undefined ? {} : { onSteps }),
      signal: looking.signal,
    });
  } finally {
    clearTimeout(timer);
    gone.removeEventListener("abort", leave);
  }
}

/** Nobody gets to read it. */
function unheard(): ChatError {
  return new ChatError("PROCESSING_ERROR", { message: "Nobody waits for this any more." });
}

const stopTries = 5;
const stopAgainMs = 1_000;

/** Stops a turn, also where the broker is away for a moment. That it has ended is as good. */
export async function stop(commands: FacadeDeps["commands"], caller: Caller, place: TurnPlace): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return void (await commands.cancel(caller, place));
    } catch (thrown) {
      const { code } = toChatError(thrown);
      if (code === "NOT_FOUND") return;
      if (code === "FORBIDDEN" || tries === stopTries) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, stopAgainMs));
    }
  }
}

/** By the broker's clock. A turn so old that its facts are gone began before now. */
export async function begunMs(
  { bus }: Pick<FacadeDeps, "bus">,
  { conversation_id: conversation, turn_id: turn }: TurnPlace,
): Promise<number> {
  const said = await bus.facts.readStored("said", { conversation, turn }).catch(() => undefined);
  return said?.storedMs ?? Date.now();
}
