import { streams } from "@parley/protocol";
import type { PatientLookups } from "./patient-lookups.ts";

/**
 * How full the fullest event stream is, from 0 to 1 of `max_bytes`. At 1 the broker drops its oldest events before their time: what viewers
 * can resume from gets shorter, and a turn that runs for very long could lose its own beginning.
 */
export function createEventRoom(jsm: PatientLookups, shards: number) {
  return async (): Promise<number> => {
    const shares = Array.from({ length: shards }, async (_, shard) => {
      const { config, state } = await jsm.streams.info(streams.events(shard));
      return config.max_bytes > 0 ? state.bytes / config.max_bytes : 0;
    });
    return Math.max(...(await Promise.all(shares)));
  };
}
