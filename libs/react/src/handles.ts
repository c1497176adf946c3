import type { Client, Conversation } from "@parley/client";

/** The handles that components of a client use. */
export interface Handles {
  /** For rendering: subscribes to nothing. */
  readonly get: (id: string) => Conversation;
  /** Subscribes to the conversation while anybody holds it. Returns the function that lets it go. */
  readonly hold: (id: string) => () => void;
}

interface Handle {
  readonly conversation: Conversation;
  holders: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** A component that is mounted again (a strict mode, a change of routes, a person who goes back) finds all as it was. */
const lingerMs = 5_000;

const handlesOf = new WeakMap<Client, Handles>();

export function handlesFor(client: Client): Handles {
  let handles = handlesOf.get(client);
  if (handles === undefined) handlesOf.set(client, (handles = createHandles(client)));
  return handles;
}

function createHandles(client: Client): Handles {
  const handles = new Map<string, Handle>();

  function add(id: string): Handle {
    const handle: Handle = { conversation: client.conversation(id), holders: 0, timer: undefined };
    handles.set(id, handle);
    // What was rendered may never be mounted.
    linger(handle);
    return handle;
  }

  function linger(handle: Handle): void {
    clearTimeout(handle.timer);
    handle.timer = setTimeout(() => (mayRelease(handle) ? release(handle) : linger(handle)), lingerMs);
    letProcessEnd(handle.timer);
  }

  /** What a person asked for must reach the server first: on a connection that is there. */
  function mayRelease({ conversation }: Handle): boolean {
    const isAway = ["connecting", "authenticating", "waiting"].includes(client.state.name);
    return !isAway && conversation.outgoing().every(({ status }) => status === "failed");
  }

  function release({ conversation }: Handle): void {
    handles.delete(conversation.id);
    client.release(conversation);
  }

  return {
    get: (id) => (handles.get(id) ?? add(id)).conversation,
    hold: (id) => {
      const handle = handles.get(id) ?? add(id);
      clearTimeout(handle.timer);
      // A refusal is in the store; the end of the client is in its state.
      if (handle.holders++ === 0) handle.conversation.subscribe().catch(() => undefined);
      return () => {
        if (--handle.holders === 0) linger(handle);
      };
    },
  };
}

/** A server that only renders must be able to end. Timers of browsers are numbers. */
function letProcessEnd(timer: number | { readonly unref: () => unknown } | undefined): void {
  if (typeof timer === "object") timer.unref();
}
