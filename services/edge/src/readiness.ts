import type { Bus } from "@parley/bus";

export interface Readiness {
  readonly isBrokerWell: () => boolean;
  readonly isStopping: () => boolean;
  readonly problems: () => string[];
}

/** What keeps this process from serving: its broker, or that it is to go. */
export function createReadiness(
  bus: Pick<Bus, "connected" | "problems">,
  isDelivering: () => boolean,
): Readiness & { leave(why: string): void } {
  /** Why this process takes nothing new; undefined: it does. */
  let leaving: string | undefined;
  return {
    leave: (why) => void (leaving = why),
    isStopping: () => leaving !== undefined,
    isBrokerWell: () => bus.connected() && isDelivering(),
    problems: () => [
      ...(leaving === undefined ? [] : [leaving]),
      ...bus.problems(),
      ...(isDelivering() ? [] : ["The broker does not deliver messages."]),
    ],
  };
}
