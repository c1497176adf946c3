import type { Client } from "@parley/client";
import { closeCodes } from "@parley/protocol/fold";
import { createApi, type Api } from "../api/api.ts";
import { createFileCalls } from "../api/file-calls.ts";
import { createHttp } from "../api/http.ts";
import type { Me } from "../api/answers.ts";
import type { How, Identity } from "../identity/identity.ts";

/** What somebody who is signed in works with. */
export interface Session {
  readonly me: Me;
  readonly how: How;
  readonly client: Client;
  readonly api: Api;
}

export interface Sessions {
  /** Undefined: nobody is signed in. The session of a sign-in that has ended stays until somebody else signs in, or nobody. */
  readonly read: () => Session | undefined;
  readonly subscribe: (listener: () => void) => () => void;
  /** Another client in the place of one that is closed for good. */
  readonly renew: () => void;
}

interface SessionsDeps {
  readonly identity: Identity;
  /** Makes a client that is not connected yet. */
  readonly createClient: (getToken: Identity["authorize"]) => Client;
  /** Drops what a person has written and the server has not had yet: they are signing out. */
  readonly forgetUnsent: (userId: string) => Promise<void>;
}

/** Close codes and ends after which the server may not know this browser any more: token expired, none in time, refused. */
const doubtful: ReadonlySet<number> = new Set<number>([
  closeCodes.tokenExpired,
  closeCodes.authDeadline,
  closeCodes.badToken,
]);

/** One client per sign-in, from its beginning to its end. */
export function createSessions({ identity, createClient, forgetUnsent }: SessionsDeps): Sessions {
  const listeners = new Set<() => void>();
  const http = createHttp({ authorize: identity.authorize, onUnauthorized: () => void identity.check() });
  let session: Session | undefined;
  let hadEnded = false;

  function begin(me: Me, how: How, api: Api): void {
    session?.client.close();
    const client: Client = createClient(() => {
      // Who is connected and asks once more has been warned.
      if (client.state.name === "ready") identity.forgetToken();
      return identity.authorize();
    });
    client.on("state", (state) => {
      const isDoubtful = "code" in state && doubtful.has(state.code);
      // Somebody else has signed in by the same cookie, in another tab, while this one was away.
      const isOther = state.name === "ready" && state.user !== undefined && state.user.id !== me.user.id;
      if (isDoubtful || isOther) void identity.check();
    });
    session = { me, how, client, api };
    hadEnded = false;
    // What becomes of it is in the client's state.
    client.connect().catch(() => undefined);
  }

  function follow(): void {
    const state = identity.read();
    if (state.name === "ended") hadEnded = true;
    else if (state.name !== "signed-in") {
      session?.client.close();
      if (session !== undefined) void forgetUnsent(session.me.user.id);
      session = undefined;
    } else if (hadEnded || session?.how !== state.how || session.me.user.id !== state.me.user.id) {
      // What was answered to one sign-in says nothing of the next: roles may be others.
      begin(state.me, state.how, createApi(http, createFileCalls(identity)));
    }
    for (const listener of listeners) listener();
  }

  identity.subscribe(follow);
  return {
    read: () => session,
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    renew() {
      if (session === undefined) return;
      begin(session.me, session.how, session.api);
      for (const listener of listeners) listener();
    },
  };
}
