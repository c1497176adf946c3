import { nativeSubprotocol, type ClientFrameInput, type ServerFrame, type User } from "@parley/protocol/fold";
import { createHeartbeat } from "./heartbeat.ts";
import type { Settings } from "./options.ts";
import type { Socket } from "./socket.ts";

export interface ConnectionEnd {
  /** WebSocket close code; 1006 when the client itself found the connection lost. */
  readonly code: number;
  readonly reason: string;
  /** No other connection with the same token can do better. */
  readonly final: boolean;
  /** Set when the server said when to come back, or when there was reason to doubt the connection. */
  readonly reconnectAfterMs: number | undefined;
  /** What `getToken` has thrown. */
  readonly cause?: unknown;
}

interface ConnectionDeps extends Settings {
  readonly sentAt: () => number;
  /** The socket is open; authentication begins. */
  readonly onOpen: () => void;
  readonly onReady: (user: User | undefined) => void;
  /** Every frame that could be read, those of the handshake included. */
  readonly onFrame: (frame: ServerFrame) => void;
  /** Called exactly once, and nothing after it. */
  readonly onEnd: (end: ConnectionEnd) => void;
}

export interface Connection {
  readonly send: (frame: ClientFrameInput) => void;
  /** There is reason to doubt that it still works: it ends soon unless the server says something. */
  readonly probe: () => void;
  readonly close: () => void;
}

/** What servers are told, so that they say nothing in its place that older clients know. */
const known = ["unknown", "posts"];

const noToken = "no token could be had";

/** What browsers report when a connection ended without a close frame. */
const lostCode = 1006;

/**
 * One WebSocket from its opening to its end: `opening` → `authenticating` → `ready` → `ended`. It authenticates, keeps the token fresh and
 * watches the heartbeat. It never reconnects: that is the link's job.
 */
export function openConnection(deps: ConnectionDeps): Connection {
  let state: "opening" | "authenticating" | "ready" | "ended" = "opening";
  let { pingAfterMs } = deps.timings;
  let reconnectAfterMs: number | undefined;
  const socket = new deps.WebSocket(deps.url, nativeSubprotocol);
  const lose = (reason: string, cause?: unknown): void => end(lostCode, reason, cause);
  const send = (frame: ClientFrameInput): void => void (state !== "ended" && socket.send(JSON.stringify(frame)));
  const deadline = setTimeout(() => lose("the server did not answer in time"), deps.timings.handshakeMs);
  const heartbeat = createHeartbeat({ ...deps, ...deps.timings, ping: () => send({ type: "ping" }), onDead: lose });
  const login = createLogin({ ...deps, send, lose, onReady, isReady: () => state === "ready" });

  function end(code: number, reason: string, cause?: unknown): void {
    if (state === "ended") return;
    state = "ended";
    clearTimeout(deadline);
    // It was lost before, while nobody could see it: there is nothing to wait for.
    if (heartbeat.stop()) reconnectAfterMs ??= 0;
    socket.close();
    const refusal = login.refusal();
    const final = refusal !== undefined && !deps.mayChange;
    deps.onEnd({ code, reason: refusal ?? reason, final, reconnectAfterMs, cause });
  }

  function onReady(user: User | undefined): void {
    if (state !== "authenticating") return;
    state = "ready";
    clearTimeout(deadline);
    heartbeat.start(pingAfterMs);
    deps.onReady(user);
  }

  function hear(data: unknown): void {
    heartbeat.heard();
    for (const frame of framesIn(deps, data)) take(frame);
  }

  function take(frame: ServerFrame): void {
    if (state === "ended") return;
    if (frame.type === "welcome") pingAfterMs = Math.min(pingAfterMs, frame.heartbeat_ms);
    if (frame.type === "going_away") reconnectAfterMs = frame.reconnect_after_ms;
    login.hear(frame);
    deps.onFrame(frame);
  }

  listen(socket, hear, end, () => {
    if (state === "ended") return socket.close();
    state = "authenticating";
    deps.onOpen();
    void login.show();
  });
  return {
    send,
    probe: () => void (state === "ready" && heartbeat.probe()),
    close: () => lose(""),
  };
}

function framesIn({ decode, log }: ConnectionDeps, data: unknown): readonly ServerFrame[] {
  const decoded = decode(data);
  if (!decoded) log.debug({}, "unknown frame");
  return decoded ? [decoded].flat() : [];
}

function listen(
  socket: Socket,
  hear: (data: unknown) => void,
  end: (code: number, reason: string) => void,
  onOpen: () => void,
): void {
  socket.addEventListener("open", onOpen);
  socket.addEventListener("message", ({ data }) => hear(data));
  socket.addEventListener("close", ({ code, reason }) => end(code, reason || "the connection was lost"));
  // What went wrong is only in the `close` event that always follows; without a listener Node.js would throw.
  socket.addEventListener("error", () => undefined);
}

interface LoginDeps extends Settings {
  readonly send: (frame: ClientFrameInput) => void;
  readonly lose: (reason: string, cause?: unknown) => void;
  readonly onReady: (user: User | undefined) => void;
  readonly isReady: () => boolean;
}

/** As whom a connection is: by a token, by the browser's cookie, or as nobody. */
function createLogin({ getToken, mayChange, log, batch, ...deps }: LoginDeps) {
  const knows = batch ? [...known, "batches"] : known;
  /** It is known who this connection is to be for. */
  let isAsked = getToken === undefined;
  /** No token is shown: then what the client knows is said by itself. */
  let isByCookie = false;
  /** Who the cookie is: counts only if no token is to follow. */
  let cookieUser: User | undefined;
  /** Why the server did not take the token. */
  let refusal: string | undefined;

  function refuse(reason: string): void {
    refusal = reason;
    if (!mayChange) deps.lose(reason);
  }

  function succeed(user: User | undefined): void {
    refusal = undefined;
    if (isByCookie) deps.send({ type: "auth", knows });
    deps.onReady(user);
  }

  async function show(): Promise<void> {
    if (getToken === undefined) return;
    try {
      const token = await getToken();
      isAsked = true;
      isByCookie = token === null;
      if (token !== null) deps.send({ type: "auth", token, knows });
      else if (cookieUser !== undefined) succeed(cookieUser);
    } catch (error) {
      log.warn({ err: error }, noToken);
      // On a connection that is ready the old token still holds.
      if (!deps.isReady()) deps.lose(noToken, error);
    }
  }

  function hear(frame: ServerFrame): void {
    if (frame.type === "welcome" && getToken === undefined) {
      if (frame.auth_required) refuse("the server wants a token");
      else succeed(undefined);
    } else if (frame.type === "auth_success") {
      if (isAsked) succeed(frame.user);
      else cookieUser = frame.user;
    } else if (frame.type === "auth_error") {
      // The token could not be checked now. It may be a good one, and the server closes with a code to come back.
      if (frame.code !== "AUTH_UNAVAILABLE") refuse(frame.message);
    } else if (frame.type === "auth_expiring" && mayChange) void show();
  }

  return { show, hear, refusal: () => refusal };
}
