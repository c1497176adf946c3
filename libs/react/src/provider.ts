import type { Client } from "@parley/client";
import { createContext, createElement, useContext, type ReactNode } from "react";

const ClientContext = createContext<Client | undefined>(undefined);

/** Gives all hooks below it the client; whoever made the client connects and closes it. */
export function ParleyProvider({ client, children }: { readonly client: Client; readonly children?: ReactNode }) {
  return createElement(ClientContext.Provider, { value: client }, children);
}

export function useClient(): Client {
  const client = useContext(ClientContext);
  if (client === undefined) throw new Error("There is no ParleyProvider around this component.");
  return client;
}
