import type { Client, ClientState } from "@parley/client";
import { useMemo, useSyncExternalStore } from "react";
import { createStore, type StoreApi } from "zustand/vanilla";
import { useClient } from "./provider.ts";

export interface ConnectionView {
  readonly state: ClientState;
  /** False: the browser says that the device has no network. Then nothing is tried until it has. */
  readonly isOnline: boolean;
  /** While it waits to connect again: when that will be, ms since 1970. */
  readonly retryAtMs: number | undefined;
  /** Ends the wait. */
  readonly retryNow: () => void;
}

const storeOf = new WeakMap<Client, StoreApi<ConnectionView>>();

/** Lives as long as the client: its listeners are the client's own. */
function connectionStore(client: Client): StoreApi<ConnectionView> {
  let store = storeOf.get(client);
  if (store === undefined) storeOf.set(client, (store = createConnectionStore(client)));
  return store;
}

function createConnectionStore(client: Client): StoreApi<ConnectionView> {
  const { retryNow } = client;
  const store = createStore<ConnectionView>(() => ({
    state: { name: "idle" },
    isOnline: true,
    retryAtMs: undefined,
    retryNow,
  }));
  const look = (): void => {
    const { state, isOnline } = client;
    store.setState({ state, isOnline, retryAtMs: state.name === "waiting" ? state.retryAtMs : undefined });
  };
  look();
  client.on("state", look);
  client.on("online", look);
  return store;
}

/** How the connection is. */
export function useConnection(): ConnectionView {
  const client = useClient();
  const store = useMemo(() => connectionStore(client), [client]);
  return useSyncExternalStore(store.subscribe, store.getState, store.getInitialState);
}
