import type { CallId } from "@parley/protocol";
import type { AiSdkVersion } from "./decode.ts";

/** What one client of the AI SDK was told in one stream. */
export interface Told {
  readonly version: AiSdkVersion;
  /** Calls on which this client has decided: it has all up to them from an earlier stream, and comes to see the rest. */
  readonly decided: ReadonlySet<CallId>;
  /** The number of the last of their parts, once that is known. */
  lastDecided: number;
  isStepOpen: boolean;
  /** Calls that run as far as the client knows: their progress can be shown. */
  readonly running: Set<CallId>;
  /** Calls that wait for a person as far as the client knows. */
  readonly asked: Set<CallId>;
}

export function createTold(version: AiSdkVersion, decided: readonly CallId[] = []): Told {
  return {
    version,
    decided: new Set(decided),
    lastDecided: -1,
    isStepOpen: false,
    running: new Set(),
    asked: new Set(),
  };
}
