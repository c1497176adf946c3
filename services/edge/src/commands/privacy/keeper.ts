import type { Bus } from "@parley/bus";
import type { ErasureRecord } from "@parley/protocol";
import { sleep, type Logger } from "@parley/runtime";
import type { Erasures } from "./erasure.ts";
import { createLease } from "./lease.ts";
import type { Sweep } from "./sweep.ts";

export interface KeeperDeps {
  readonly bus: Pick<Bus, "privacy">;
  readonly erasures: Pick<Erasures, "run" | "open">;
  readonly sweep: Sweep;
  readonly log: Logger;
  /** Default: 10 s. */
  readonly leaseMs?: number;
  /** How often it looks for work. Default: 2 s. */
  readonly everyMs?: number;
}

/** What is known of the work, for figures. */
export interface KeeperState {
  readonly isWorking: boolean;
  readonly open: readonly Pick<ErasureRecord, "asked_at" | "state">[];
}

/** Does what has to be done for the whole deployment: erasures, and the sweep of old conversations. One process at a time has the work; the others look whether it is still there. */
export function startKeeper({ bus, erasures, sweep, log, leaseMs = 10_000, everyMs = 2_000 }: KeeperDeps) {
  const lease = createLease({ privacy: bus.privacy, name: "keeper", leaseMs });
  const stopping = new AbortController();
  let state: KeeperState = { isWorking: false, open: [] };

  /** Renews it beside the work, and stops the work where it is lost. */
  const whileHeld = async (work: (signal: AbortSignal) => Promise<void>): Promise<void> => {
    const losing = new AbortController();
    const signal = AbortSignal.any([stopping.signal, losing.signal]);
    const renewing = setInterval(() => {
      lease.hold().then(
        (isHeld) => void (isHeld || losing.abort(new Error("another process has the work"))),
        () => void (lease.isHeld() || losing.abort(new Error("the broker does not answer"))),
      );
    }, leaseMs / 4);
    try {
      await work(signal);
    } finally {
      clearInterval(renewing);
    }
  };

  const work = async (signal: AbortSignal): Promise<void> => {
    const open = await erasures.open();
    state = { isWorking: true, open };
    for (const one of open) if (!signal.aborted) await erasures.run(one, signal);
    if (!signal.aborted) await sweep.step(signal);
  };

  const look = async (): Promise<void> => {
    if (!(await lease.hold())) {
      state = { ...state, isWorking: false };
      return;
    }
    await whileHeld(work);
  };

  const goOn = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await look().catch((err: unknown) => log.debug({ err }, "the work of the deployment cannot be looked for"));
      await sleep(everyMs, stopping.signal);
    }
  };
  const going = goOn();

  return {
    state: (): KeeperState => state,
    async close(): Promise<void> {
      stopping.abort(new Error("the edge is closing"));
      await going;
      await lease.release().catch(() => {});
    },
  };
}
