import { randomBytes } from "node:crypto";
import { nativeDialect, type Dialect } from "@parley/dialects";
import { ChatError, nativeSubprotocol, toChatError, type ErrorCode } from "@parley/protocol";
import type { HttpRequest, HttpResponse, us_socket_context_t } from "uWebSockets.js";
import type { Addresses, Whence } from "../admission/address.ts";
import type { Admission } from "../admission/admit.ts";
import type { Limiter } from "../admission/limits.ts";
import { mayConnect, type OriginRules } from "../admission/origin.ts";
import { bearerProtocol } from "../credential.ts";
import { createConnection } from "../delivery/connection.ts";
import { countOne } from "../figures/metrics.ts";
import type { HubConnection, HubViewer } from "../hub/hub.ts";
import { handshakeRefusal } from "./handshake.ts";
import { whenceOf } from "./peer.ts";
import { chatErrorReply, send, type Reply } from "./reply.ts";

/**
 * What uWebSockets.js keeps with a socket. One field, because it copies the fields of what it is given onto its own object for the socket, which with more than
 * a few becomes a hash table: every look at the connection then took several times as long, and each held 1.4 KB more.
 */
export interface SocketData {
  readonly connection: HubConnection;
}

export interface UpgradeDeps {
  readonly admission: Pick<Admission, "atUpgrade">;
  readonly origins: OriginRules;
  readonly addresses: Addresses;
  readonly limiter: Pick<Limiter, "blocked" | "connecting">;
  readonly maxConnections: number;
  readonly openConnections: () => number;
  readonly isStopping: () => boolean;
  /** How a client speaks that did not ask for the native dialect; `queried`: a value of the address's query. */
  readonly otherDialect: (queried: (name: string) => string | undefined) => Dialect;
  /** Clients without a subprotocol may do without a token: for development. */
  readonly allowAnonymous: boolean;
  readonly counters: { refusedUpgrades: Map<ErrorCode, number> };
}

/** What may be selected of the subprotocols, the best first; what carries a token never is. */
const selectable = [nativeSubprotocol, bearerProtocol] as const;

/** Why a request may not become a socket; undefined: it may. */
function createRefusal({ origins, limiter, maxConnections, openConnections, isStopping, counters }: UpgradeDeps) {
  const check = (request: HttpRequest, whence: Whence): void => {
    if (isStopping()) throw new ChatError("SHUTTING_DOWN", { retryAfterMs: 1_000 });
    if (openConnections() >= maxConnections) throw new ChatError("OVERLOADED", { retryAfterMs: 5_000 });
    limiter.blocked(whence);
    const refusal = limiter.connecting(whence);
    if (refusal !== undefined) throw refusal;
    if (mayConnect(request.getHeader("origin"), request.getHeader("host"), origins)) return;
    throw new ChatError("FORBIDDEN", { message: "Pages of this origin may not connect." });
  };

  return (request: HttpRequest, whence: Whence): Reply | undefined => {
    const wrong = handshakeRefusal(request);
    if (wrong !== undefined) {
      countOne(counters.refusedUpgrades, "UNSUPPORTED");
      return wrong;
    }
    try {
      check(request, whence);
      return undefined;
    } catch (thrown) {
      const error = toChatError(thrown);
      countOne(counters.refusedUpgrades, error.code);
      return chatErrorReply(error);
    }
  };
}

/**
 * Decides on an upgrade without waiting for anything: the request is gone after this returns. What it was opened with is only picked up here; it is
 * checked once the socket is open, so that a bad one gets an answer that says why.
 */
export function createUpgrade(deps: UpgradeDeps) {
  const { admission, addresses, otherDialect, allowAnonymous } = deps;
  const refusalOf = createRefusal(deps);

  return (response: HttpResponse, request: HttpRequest, context: us_socket_context_t): void => {
    const whence = whenceOf(addresses, response, request);
    const refusal = refusalOf(request, whence);
    if (refusal !== undefined) return send(response, refusal);
    const offered = request
      .getHeader("sec-websocket-protocol")
      .split(",")
      .map((protocol) => protocol.trim());
    const selected = selectable.find((protocol) => offered.includes(protocol)) ?? "";
    const credential = admission.atUpgrade({
      protocols: offered,
      token: request.getQuery("token"),
      ticket: request.getQuery("ticket"),
      header: (name) => request.getHeader(name),
    });
    const connection = createConnection<HubViewer>({
      id: randomBytes(12).toString("base64url"),
      dialect: selected === nativeSubprotocol ? nativeDialect : otherDialect((name) => request.getQuery(name)),
      openedMs: performance.now(),
      credential,
      ...whence,
      mayBeAnonymous: allowAnonymous && selected !== nativeSubprotocol && (credential?.kind ?? "session") === "session",
    });
    const key = request.getHeader("sec-websocket-key");
    const extensions = request.getHeader("sec-websocket-extensions");
    response.upgrade<SocketData>({ connection }, key, selected, extensions, context);
  };
}
