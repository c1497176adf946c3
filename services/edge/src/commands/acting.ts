import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Bus } from "@parley/bus";
import { actingDialect } from "@parley/dialects";
import { ChatError, limits, type Caller, type ConversationId } from "@parley/protocol";
import { createConnection, move, type ActedFor } from "../delivery/connection.ts";
import type { HubConnection, HubViewer } from "../hub/hub.ts";
import type { Ownership } from "./ownership.ts";
import type { SubscriptionLimit, Viewing } from "./viewing.ts";

export interface ActingDeps {
  readonly ownership: Pick<Ownership, "reader">;
  readonly viewing: Pick<Viewing, "follow" | "unsubscribe">;
  /** Of the conversations that one socket looks at, whoever looks. */
  readonly subscriptions: SubscriptionLimit;
  /** A gateway asks for a user for the first time on a connection. */
  readonly onActing: (caller: Caller) => void;
}

/** That a gateway asked for a user, once for each of its connections. */
export function createActingAudit({ audit }: Pick<Bus, "audit">): ActingDeps["onActing"] {
  const writer = `edge-${process.pid}@${hostname()}`;
  return ({ gateway = "", user, roles, tenant, session, address }) => {
    const who = { user: { id: gateway }, tenant, session, address };
    const what = { action: "gateway_act", on: { user: user.id, roles: [...roles] } };
    // It says so itself where it cannot be written.
    void audit.write({ v: 1, kind: "admin", writer, ...who, ...what }, randomUUID());
  };
}

/**
 * What a gateway asks for its users over one connection. Each user has a connection of their own over the same socket, so all that is asked is asked as theirs. Of a conversation at which
 * several of them look one has the view, whoever asked for it last: its events come once. When that one may not look any more, the next one has it, from the same place.
 */
export function createActing({ ownership, viewing, subscriptions, onActing }: ActingDeps) {
  const { passOn, onDismissed } = createPassing(ownership, viewing);
  const add = (gateway: HubConnection, acting: ActedFor<HubViewer>, caller: Caller): HubConnection => {
    makeRoom(acting);
    const user = userConnection(gateway, caller);
    user.onDismissed = onDismissed(gateway, user);
    gateway.onDismissed ??= onDismissed(gateway, gateway);
    acting.users.set(caller.user.id, user);
    onActing(caller);
    return user;
  };

  return {
    /** The user's connection over that of the gateway. Throws QUOTA_EXCEEDED. */
    of(gateway: HubConnection, caller: Caller): HubConnection {
      gateway.acting ??= { users: new Map(), lookers: new Map() };
      const user = gateway.acting.users.get(caller.user.id) ?? add(gateway, gateway.acting, caller);
      user.caller = caller;
      return user;
    },

    /** Before somebody looks at a conversation that another one may look at over the same socket: the view is theirs from now on. Throws FORBIDDEN, and QUOTA_EXCEEDED. */
    async take(user: HubConnection, conversation: ConversationId): Promise<void> {
      const gateway = user.carrier ?? user;
      const { acting } = gateway;
      if (acting === undefined || user.caller === undefined) return;
      const lookers = acting.lookers.get(conversation) ?? lookingAt(gateway, acting, conversation);
      const holder = lookers.at(-1);
      if (holder === user) return;
      if (holder !== undefined) {
        await ownership.reader(conversation, user.caller);
        moveView(viewing, holder, user, conversation);
      } else if (viewedBy(gateway, acting) >= subscriptions.most()) {
        subscriptions.refused();
        throw new ChatError("QUOTA_EXCEEDED", { message: "This connection looks at too many conversations." });
      }
      acting.lookers.set(conversation, [...lookers.filter((one) => one !== user), user]);
    },

    /** After what was asked: a view that nobody has, as what was asked was refused, or its holder has left, is the next one's. */
    async settle(user: HubConnection, conversation: ConversationId): Promise<void> {
      const gateway = user.carrier ?? user;
      const lookers = gateway.acting?.lookers;
      const holder = lookers?.get(conversation)?.at(-1);
      if (holder === undefined || holder.viewers.has(conversation)) return;
      const left = without(lookers, conversation, holder);
      if (left !== undefined) await passOn(gateway, conversation, holder.left?.get(conversation)?.seq);
    },
  };
}

/** Of a conversation that began with a message of theirs, or at which the gateway looked before it asked for anybody. */
function lookingAt(
  gateway: HubConnection,
  { users }: ActedFor<HubViewer>,
  conversation: ConversationId,
): HubConnection[] {
  return [gateway, ...users.values()].filter(({ viewers }) => viewers.has(conversation));
}

/** What becomes of a view when whoever has it may not look any more. */
function createPassing(ownership: ActingDeps["ownership"], viewing: ActingDeps["viewing"]) {
  /** Gives the view to the last one who may have it. */
  const passOn = async (gateway: HubConnection, conversation: ConversationId, after: number | undefined) => {
    const lookers = gateway.acting?.lookers;
    for (let next = lookers?.get(conversation)?.at(-1); next !== undefined;) {
      const { caller } = next;
      const isLet = next.state === "ready" && caller !== undefined && (await mayRead(ownership, conversation, caller));
      if (isLet && gateway.state === "ready") return viewing.follow(next, conversation, after);
      next = without(lookers, conversation, next)?.at(-1);
    }
  };

  const onDismissed = (gateway: HubConnection, user: HubConnection): HubConnection["onDismissed"] => {
    return (conversation, seq) => {
      without(gateway.acting?.lookers, conversation, user);
      passOn(gateway, conversation, seq).catch(() => {
        // They look at nothing then, and the gateway subscribes again.
        gateway.acting?.lookers.delete(conversation);
      });
    };
  };

  return { passOn, onDismissed };
}

/** The gateway's users, and itself. */
function viewedBy(gateway: HubConnection, { users }: ActedFor<HubViewer>): number {
  let count = gateway.viewers.size;
  for (const { viewers } of users.values()) count += viewers.size;
  return count;
}

/** Who looks at nothing and waits for nothing is forgotten first. Throws QUOTA_EXCEEDED. */
function makeRoom({ users, lookers }: ActedFor<HubViewer>): void {
  if (users.size < limits.gatewayUsers) return;
  const looking = new Set([...lookers.values()].flat());
  for (const [id, user] of users) {
    if (looking.has(user) || user.asked !== undefined || user.asideCount > 0) continue;
    move(user, "closed");
    users.delete(id);
    return;
  }
  throw new ChatError("QUOTA_EXCEEDED", {
    message: `A gateway asks for at most ${limits.gatewayUsers} users over one connection.`,
  });
}

function userConnection(gateway: HubConnection, caller: Caller): HubConnection {
  const { id, dialect, address, isExempt, openedMs, ws } = gateway;
  const made = { id, dialect: actingDialect(dialect, caller.user.id), openedMs, credential: undefined };
  const user: HubConnection = {
    ...createConnection<HubViewer>({ ...made, address, isExempt }),
    carrier: gateway,
    ws,
    caller,
    knowsUnknown: gateway.knowsUnknown,
    knowsPosts: gateway.knowsPosts,
    expiresMs: Infinity,
  };
  move(user, "ready");
  return user;
}

async function mayRead(ownership: ActingDeps["ownership"], conversation: ConversationId, caller: Caller) {
  return ownership.reader(conversation, caller).then(
    () => true,
    () => false,
  );
}

/** The client goes on where it is, whoever asks. */
function moveView(
  viewing: ActingDeps["viewing"],
  from: HubConnection,
  to: HubConnection,
  conversation: ConversationId,
): void {
  viewing.unsubscribe(from, conversation);
  // From when they were sent away: the gateway has got more since.
  to.wanted?.delete(conversation);
  const place = from.left?.get(conversation);
  if (place === undefined) return;
  from.left?.delete(conversation);
  to.left = (to.left ?? new Map()).set(conversation, place);
}

/** Those who are left; undefined: nobody. */
function without(
  lookers: ActedFor<HubViewer>["lookers"] | undefined,
  conversation: ConversationId,
  user: HubConnection,
): HubConnection[] | undefined {
  const left = lookers?.get(conversation)?.filter((one) => one !== user) ?? [];
  if (left.length > 0) lookers?.set(conversation, left);
  else lookers?.delete(conversation);
  return left.length > 0 ? left : undefined;
}
