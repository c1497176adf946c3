import type { Delivery } from "@parley/bus";
import { sleep } from "@parley/runtime";

/** Where a delivery stands in its conversation. `gone`: it left the queue while we held it. */
export type Place = "first" | "waits" | "gone";

export interface ParkingDeps {
  /** More are given back to the queue for a while. */
  readonly limit: number;
  readonly placeOf: (delivery: Delivery) => Promise<Place>;
  /** Called once per parked delivery, when it no longer waits. */
  readonly onLeft: (delivery: Delivery, place: Exclude<Place, "waits">) => void;
  readonly isCancelled: (delivery: Delivery) => Promise<boolean>;
  /** Called once per parked delivery that somebody cancelled; it stays parked until it is the first. */
  readonly onCancelled: (delivery: Delivery) => void;
  readonly signal: AbortSignal;
}

const lookMs = 100;
/** Whoever was asked to end a cancelled turn may have died over it: every so many looks this worker looks itself. */
const looksPerCancelCheck = 10;
const giveBackMs = 1_000;

/** Deliveries that wait here for an earlier turn of their conversation. */
export function createParking({ limit, placeOf, onLeft, isCancelled, onCancelled, signal }: ParkingDeps) {
  const parked = new Set<Delivery>();

  const watch = async (delivery: Delivery): Promise<void> => {
    let ended = false;
    for (let looks = 0; parked.has(delivery); looks++) {
      if (!ended && looks % looksPerCancelCheck === 0 && (await isCancelled(delivery).catch(() => false))) {
        ended = true;
        onCancelled(delivery);
      }
      await sleep(lookMs, signal);
      if (signal.aborted) return;
      // The broker may be away: the delivery then comes again, to whomever.
      const place = await placeOf(delivery).catch((): Place => "waits");
      if (place === "waits" || !parked.delete(delivery)) continue;
      onLeft(delivery, place);
    }
  };

  return {
    count: (): number => parked.size,
    heartbeat(): void {
      for (const delivery of parked) delivery.working();
    },
    park(delivery: Delivery): void {
      if (parked.size >= limit) return delivery.nak(giveBackMs);
      parked.add(delivery);
      void watch(delivery);
    },
    giveBack(): void {
      for (const delivery of parked) delivery.nak();
      parked.clear();
    },
  };
}
