import { newConversationId } from "./new-conversation-id.ts";

/** Where somebody is on the page. */
export type Route =
  /** A conversation that nobody but this page knows yet. */
  | { readonly name: "new"; readonly id: string }
  /** `turn`: which of its turns it is opened at. */
  | { readonly name: "conversation"; readonly id: string; readonly turn?: string }
  /** A link that invites to a conversation. */
  | { readonly name: "join"; readonly token: string }
  | { readonly name: "approvals" }
  | { readonly name: "operator" }
  | { readonly name: "unknown" };

export interface Navigation {
  /** The same object until the place changes. */
  readonly read: () => Route;
  readonly subscribe: (listener: () => void) => () => void;
  readonly go: (path: string, options?: { readonly instead: boolean }) => void;
  /** The new conversation has its first message: its address, without leaving the place. */
  readonly begun: (id: string) => void;
}

/** What else may stand in a token only the server knows. */
const joinPath = /^\/join\/([A-Za-z0-9._~-]{1,400})\/?$/;
const conversationPath = /^\/c\/([A-Za-z0-9_-]{1,128})\/?(?:#turn-([A-Za-z0-9_-]{1,128}))?$/;

export function conversationAddress(id: string, turn?: string): string {
  return turn === undefined ? `/c/${id}` : `/c/${id}#turn-${turn}`;
}

/** `newId`: of the conversation that `/` is. */
export function routeOf(path: string, newId: string): Route {
  const [, id, turn] = conversationPath.exec(path) ?? [];
  if (id !== undefined) return { name: "conversation", id, ...(turn === undefined ? {} : { turn }) };
  const [, token] = joinPath.exec(path) ?? [];
  if (token !== undefined) return { name: "join", token };
  if (path === "/" || path === "/index.html") return { name: "new", id: newId };
  if (path === "/operator" || path === "/operator/") return { name: "operator" };
  return path === "/approvals" || path === "/approvals/" ? { name: "approvals" } : { name: "unknown" };
}

/** The part of a window that has the address. */
export type AddressBar = Pick<Window, "location" | "history" | "addEventListener" | "removeEventListener">;

/** The address of the page, by the browser's own history: back, forward and reload work. */
export function createNavigation(bar: AddressBar, newId = newConversationId): Navigation {
  const listeners = new Set<() => void>();
  let route = current(bar, newId);

  const become = (next: Route): void => {
    route = next;
    for (const listener of listeners) listener();
  };
  const onPop = (): void => become(current(bar, newId));

  return {
    read: () => route,
    subscribe(listener) {
      if (listeners.size === 0) bar.addEventListener("popstate", onPop);
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) bar.removeEventListener("popstate", onPop);
      };
    },
    go(path, { instead } = { instead: false }) {
      const isHere = path === addressIn(bar.location);
      const state = { newId: newId() };
      // The same place once more is no other step back.
      if (isHere || instead) bar.history.replaceState(state, "", path);
      else bar.history.pushState(state, "", path);
      become(routeOf(path, state.newId));
    },
    begun(id) {
      if (route.name !== "new" || route.id !== id) return;
      bar.history.replaceState(null, "", conversationAddress(id));
      become({ name: "conversation", id });
    },
  };
}

/** Coming back to `/` finds the same new conversation, whose draft is kept under its id. */
function current({ location, history }: AddressBar, newId: () => string): Route {
  const state: unknown = history.state;
  const kept = typeof state === "object" && state !== null && "newId" in state ? state.newId : undefined;
  if (typeof kept === "string") return routeOf(addressIn(location), kept);
  const id = newId();
  if (location.pathname === "/") history.replaceState({ newId: id }, "");
  return routeOf(addressIn(location), id);
}

function addressIn({ pathname, hash }: Location): string {
  return conversationPath.test(pathname + hash) ? pathname + hash : pathname;
}
