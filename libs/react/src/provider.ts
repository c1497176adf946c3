import type { Client } from "@parley/client";
import { createContext, createElement, use, type ReactNode } from "react";

const ClientContext = createContext<Client | undefined>(undefined);

/** Gives all hooks below it the client; whoever made the client closes it. */
export function ParleyProvider({ client, children }: { readonly client: Client; readonly children: ReactNode }) {
  return createElement(ClientContext, { value: client }, children);
}

export function useClient(): Client {
  const client = use(ClientContext);
  if (client === undefined) throw new Error("There is no ParleyProvider around this component.");
  return client;
}
