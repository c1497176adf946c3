import { streams } from "@parley/protocol";
import { Counter, type Registry } from "@parley/runtime";
import type { PatientLookups } from "./patient-lookups.ts";
import { addFactFigures } from "./fact-figures.ts";
import type { Facts } from "./facts.ts";
import { addKeyFigures } from "./key-figures.ts";
import type { KeyFigures } from "./sealing.ts";
import { addUnreadableFigure, type Unreadable } from "./unreadable.ts";

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

/** What every process that stores something says of that in its figures. */
export function addStorageFigures(
  registry: Registry,
  {
    unreadable,
    facts,
    appendsWithoutRoom,
    keyFigures,
  }: {
    unreadable: Pick<Unreadable, "counts">;
    facts: Pick<Facts, "counts">;
    appendsWithoutRoom: () => number;
    keyFigures: KeyFigures | undefined;
  },
): void {
  addUnreadableFigure(registry, unreadable);
  addFactFigures(registry, facts);
  if (keyFigures !== undefined) addKeyFigures(registry, keyFigures);
  const counter = new Counter({
    name: "parley_appends_without_room_total",
    help: "Messages that the broker did not store because its disk, or what it may use of it, was full; each try counts.",
    registers: [registry],
    collect() {
      counter.reset();
      counter.inc(appendsWithoutRoom());
    },
  });
}
