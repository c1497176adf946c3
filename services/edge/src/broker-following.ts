import type { Bus } from "@parley/bus";
import type { Hubs } from "./hub/hubs.ts";

/** What hubs must know of the broker: whether it is there, and whether it may have kept copies to itself. Returns how to stop. */
export function followBroker(bus: Bus, hubs: Hubs): () => void {
  const forgetReconnects = bus.onReconnect(() => void hubs.syncAll());
  const forgetDisconnects = bus.onDisconnect(hubs.pauseAll);
  const watching = new AbortController();
  bus.watchStreams((shard, afterSeq) => void hubs.syncShard(shard, afterSeq), watching.signal);
  return () => {
    forgetReconnects();
    forgetDisconnects();
    watching.abort();
  };
}
