import type { Client, ClientState } from "@parley/client";
import { useMemo, useSyncExternalStore } from "react";
import { createStore, type StoreApi } from "zustand/vanilla";
import { useClient } from "./provider.ts";

export interface ConnectionView {
  readonly state: ClientState;
  /** Whether the device has a network at all, as far as the browser knows. */
  readonly isOnline: boolean;
  /** While it waits to connect again: when that will be, ms since 1970. */
  readonly retryAtMs: number | undefined;
  readonly retryNow: () => void;
}

type LinkView = Pick<ConnectionView, "state" | "retryAtMs">;

const storeOf = new WeakMap<Client, StoreApi<LinkView>>();

function linkStore(client: Client): StoreApi<LinkView> {
  let store = storeOf.get(client);
  if (store === undefined) {
    const created = createStore<LinkView>(() => linkView({ name: "idle" }));
    created.setState(linkView(client.state), true);
    client.on("state", (state) => created.setState(linkView(state), true));
    storeOf.set(client, (store = created));
  }
  return store;
}

function linkView(state: ClientState): LinkView {
  return { state, retryAtMs: state.name === "waiting" ? Date.now() + state.delayMs : undefined };
}

export function useConnection(): ConnectionView {
  const client = useClient();
  const { subscribe, getState, getInitialState } = linkStore(client);
  const link = useSyncExternalStore(subscribe, getState, getInitialState);
  const isOnline = useSyncExternalStore(onNetworkChange, hasNetwork, assumeNetwork);
  return useMemo(
    () => ({ ...link, isOnline, retryNow: () => void client.connect().catch(() => undefined) }),
    [client, link, isOnline],
  );
}

function onNetworkChange(listener: () => void): () => void {
  globalThis.addEventListener("online", listener);
  globalThis.addEventListener("offline", listener);
  return () => {
    globalThis.removeEventListener("online", listener);
    globalThis.removeEventListener("offline", listener);
  };
}

function hasNetwork(): boolean {
  return navigator.onLine;
}

function assumeNetwork(): boolean {
  return true;
}
