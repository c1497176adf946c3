import type { Client } from "@parley/client";
import { useClient } from "@parley/react";
import { useSyncExternalStore } from "react";

interface Clock {
  readonly subscribe: (listener: () => void) => () => void;
  readonly aheadMs: () => number;
}

const clocks = new WeakMap<Client, Clock>();

/** A connection that is made, or made anew, begins with what is older. */
const settleMs = 1_000;

/** How far the clock here is ahead of the server's, as far as frames have told it; 0 until then. */
export function useAheadMs(): number {
  const client = useClient();
  let clock = clocks.get(client);
  if (clock === undefined) clocks.set(client, (clock = createClock(client)));
  const { subscribe, aheadMs } = clock;
  return useSyncExternalStore(subscribe, aheadMs, aheadMs);
}

function createClock(client: Client): Clock {
  let ahead: number | undefined;
  return {
    aheadMs: () => ahead ?? 0,
    subscribe(listener) {
      let since = Date.now();
      const stops = [
        client.on("state", () => (since = Date.now())),
        client.on("frame", (frame) => {
          if (!("ts" in frame) || typeof frame.ts !== "number" || Date.now() - since < settleMs) return;
          const late = Date.now() - frame.ts;
          // The least delayed one says most.
          if (ahead !== undefined && late >= ahead) return;
          ahead = late;
          listener();
        }),
      ];
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
}
