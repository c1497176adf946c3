import type { TurnPlace } from "@parley/dialects";
import { toChatError, type Caller } from "@parley/protocol";
import { sleep, type Logger } from "@parley/runtime";
import type { Commands } from "../commands/commands.ts";
import type { Call } from "./route.ts";

export interface StopDeps {
  readonly commands: Pick<Commands, "cancel">;
  readonly log: Logger;
}

const stopTries = 5;
const stopAgainMs = 1_000;

/** Stops a turn, also where the broker is away for a moment. That it has ended, or was never there, is as good. */
async function stopTurn({ commands }: Pick<StopDeps, "commands">, caller: Caller, place: TurnPlace): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return void (await commands.cancel(caller, place));
    } catch (thrown) {
      const { code } = toChatError(thrown);
      if (code === "NOT_FOUND") return;
      if (code === "FORBIDDEN" || tries === stopTries) throw thrown;
      await sleep(stopAgainMs);
    }
  }
}

/**
 * Has a turn stopped when its client goes away, also where it does so before its message is in the queue: there is nothing to stop until `begun` has settled. That
 * the edge itself breaks the connection is no wish of the client's.
 */
export function stopWhenGone(
  deps: StopDeps,
  { caller, exchange }: Call,
  place: TurnPlace,
  begun: Promise<unknown>,
): void {
  exchange.onGone((by) => {
    if (by === "edge") return;
    begun
      // A message that was refused may be in the queue all the same.
      .catch(() => {})
      .then(() => stopTurn(deps, caller, place))
      .catch((err: unknown) =>
        deps.log.warn({ err, ...place }, "an answer that nobody waits for could not be stopped"),
      );
  });
}
