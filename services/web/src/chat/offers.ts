import { useSyncExternalStore } from "react";
import type { Offers } from "../api/answers.ts";
import type { Api } from "../api/api.ts";
import { useApi } from "../api/use-api.ts";

interface OffersStore {
  readonly read: () => Offers | undefined;
  readonly subscribe: (listener: () => void) => () => void;
}

/** Agents come and go, and rights change, on a page that stays open for days. */
const freshMs = 10 * 60_000;

const stores = new WeakMap<Api, OffersStore>();

/**
 * What this person may choose from; undefined until it is known, and while it cannot be: the choice is then the server's. Asked once for all of the page, and
 * again when somebody comes back to it and the answer is ten minutes old. Each sign-in has an `Api`, and so an answer, of its own.
 */
export function useOffers(): Offers | undefined {
  const api = useApi();
  let store = stores.get(api);
  if (store === undefined) stores.set(api, (store = createOffersStore(api)));
  return useSyncExternalStore(store.subscribe, store.read, store.read);
}

/** For tests too. */
export function createOffersStore({ agents }: Pick<Api, "agents">, now: () => number = Date.now): OffersStore {
  const listeners = new Set<() => void>();
  let known: Offers | undefined;
  let knownAtMs = Number.NEGATIVE_INFINITY;
  let isAsking = false;

  async function ask(): Promise<void> {
    if (isAsking || now() - knownAtMs < freshMs) return;
    isAsking = true;
    try {
      known = await agents();
      knownAtMs = now();
      for (const listener of listeners) listener();
    } catch {
      // What was known stays; whoever needs it next, or comes back, has it asked for again.
    } finally {
      isAsking = false;
    }
  }

  const askIfSeen = (): void => {
    if (!document.hidden) void ask();
  };
  return {
    read: () => known,
    subscribe(listener) {
      if (listeners.size === 0) document.addEventListener("visibilitychange", askIfSeen);
      listeners.add(listener);
      void ask();
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) document.removeEventListener("visibilitychange", askIfSeen);
      };
    },
  };
}
