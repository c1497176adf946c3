/// <reference lib="esnext.disposable" preserve="true" />
import type { ServerFrame } from "@parley/protocol/fold";
import type { Conversation } from "./conversation-handle.ts";
import { createEmitter } from "./emitter.ts";
import type { Violation } from "./frame-check.ts";
import { newId } from "./ids.ts";
import { createLink, type ClientState } from "./link.ts";
import { settingsOf, type ClientOptions } from "./options.ts";
import { createRegistry } from "./registry.ts";

export interface ClientEvents {
  state: ClientState;
  /** The network came or went, as far as the browser knows. */
  online: boolean;
  /** Every frame the client could read. */
  frame: ServerFrame;
  /** Those of all conversations. */
  violation: Violation;
}

export interface Client {
  readonly state: ClientState;
  /** False: the browser says that there is no network. Then nothing is tried until there is one again. */
  readonly isOnline: boolean;
  /** Starts connecting, and goes on until closed. Resolves when the client is ready; rejects with ClientClosedError when it is closed. */
  readonly connect: () => Promise<void>;
  /** Ends the wait for the next try: somebody does not want to wait. On a connection that is ready: makes sure that it still works. */
  readonly retryNow: () => void;
  /**
   * The handle of a conversation, one per id. Without an id: of a new one. The id is always made here, never by the server: a first message
   * that is sent again after a lost connection must be the same turn of the same conversation.
   */
  readonly conversation: (id?: string) => Conversation;
  /** Unsubscribes a conversation and forgets its handle; what waits on it rejects. */
  readonly release: (conversation: Conversation) => void;
  readonly on: <K extends keyof ClientEvents>(name: K, listener: (value: ClientEvents[K]) => void) => () => void;
  /** Ends everything; what still waits rejects with ClientClosedError. */
  readonly close: () => void;
  readonly [Symbol.dispose]: () => void;
}

/** A client of the native dialect: one link to the service, any number of conversations over it. Nothing happens before `connect`. */
export function createClient(options: ClientOptions): Client {
  const settings = settingsOf(options);
  const emitter = createEmitter<ClientEvents>(settings.log);
  const link = createLink({
    ...settings,
    ...emitter,
    sentAt: () => registry.sentAt(),
    onState: (state) => {
      registry.follow(state);
      emitter.emit("state", state);
    },
    onFrame: (frame) => {
      emitter.emit("frame", frame);
      registry.route(frame);
    },
  });
  const registry = createRegistry({ ...settings, ...emitter, send: link.send });

  return {
    get state() {
      return link.state();
    },
    get isOnline() {
      return link.isOnline();
    },
    connect: link.connect,
    retryNow: link.retryNow,
    conversation: (id = newId("c")) => registry.get(id).conversation,
    release: registry.release,
    on: emitter.on,
    close: link.close,
    [Symbol.dispose]: link.close,
  };
}
