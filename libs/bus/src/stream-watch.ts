import type { StreamInfo } from "@nats-io/jetstream";
import { streams } from "@parley/protocol";
import { sleep } from "@parley/runtime";

export interface StreamWatchDeps {
  /** Not a patient one: a late answer says something. */
  readonly jsm: {
    readonly streams: { info(stream: string): Promise<Watched> };
  };
  readonly shards: number;
  /** How often each event stream is looked at. */
  readonly everyMs?: number;
}

interface Watched {
  readonly state: Pick<StreamInfo["state"], "last_seq">;
  readonly cluster?: Pick<NonNullable<StreamInfo["cluster"]>, "leader" | "leader_since">;
}

/** Live copies of what is stored in this shard after the sequence may not have come. */
export type Disturbed = (shard: number, afterSeq: number) => void;

/** A server that takes longer to answer stood still, or is just electing a leader. */
const promptMs = 1_000;
/** Looks that a server passed well before the last one: what it had sent by then has arrived. */
const checkpoints = 2;

interface Look {
  readonly leader: string;
  readonly lastSeq: number;
}

/**
 * Watches the event streams of a cluster. The leader of a stream sends the live copies; one that is killed or stands still takes copies with
 * it that its successor never sends, and clients of other servers keep their connection and notice nothing. So whenever another one leads, or
 * an answer is late, what is stored since the last but one good look must be read again.
 */
export function createStreamWatch({ jsm, shards, everyMs = 2_000 }: StreamWatchDeps) {
  const look = async (shard: number): Promise<Look | undefined> => {
    const { cluster, state } = await jsm.streams.info(streams.events(shard));
    // Then a member tells how its own copy stands.
    if (cluster !== undefined && (cluster.leader ?? "") === "") return undefined;
    return { leader: `${cluster?.leader ?? ""} ${cluster?.leader_since ?? ""}`, lastSeq: state.last_seq };
  };

  const watch = async (shard: number, onDisturbed: Disturbed, signal: AbortSignal): Promise<void> => {
    let good: Look[] = [];
    let isDisturbed = false;
    for (; !signal.aborted; await sleep(everyMs, signal)) {
      const startedMs = performance.now();
      const found = await look(shard).catch(() => undefined);
      const isPrompt = performance.now() - startedMs < promptMs;
      const before = good.at(-1);
      isDisturbed ||= found === undefined || !isPrompt || (before !== undefined && before.leader !== found.leader);
      if (found === undefined || !isPrompt || signal.aborted) continue;
      const [oldest = found] = good;
      if (isDisturbed) onDisturbed(shard, Math.min(oldest.lastSeq, found.lastSeq));
      good = isDisturbed ? [found] : [...good, found].slice(-checkpoints);
      isDisturbed = false;
    }
  };

  return {
    /** Until the signal. */
    start(onDisturbed: Disturbed, signal: AbortSignal): void {
      for (let shard = 0; shard < shards; shard++) void watch(shard, onDisturbed, signal);
    },
  };
}
