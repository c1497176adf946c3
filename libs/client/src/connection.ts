import { nativeSubprotocol, type ClientFrameInput, type ServerFrame, type User } from "@parley/protocol/fold";
import { createHeartbeat, type Heartbeat } from "./heartbeat.ts";
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
}

interface ConnectionDeps extends Settings {
  readonly unansweredSince: () => number | undefined;
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

interface Progress {
  state: "opening" | "authenticating" | "ready" | "ended";
  pingAfterMs: number;
  reconnectAfterMs: number | undefined;
  /** Why the server did not take the token. */
  refusal: string | undefined;
  /** It is known who this connection is to be for. */
  isAsked: boolean;
  /** Who the browser's cookie is: counts only if no token is to follow. */
  cookieUser: User | undefined;
}

const normalCode = 1000;
/** What browsers report when a connection ended without a close frame. */
const lostCode = 1006;

/**
 * One WebSocket from its opening to its end: `opening` → `authenticating` → `ready` → `ended`. It authenticates, keeps the token fresh and
 * watches the heartbeat. It never reconnects: that is the link's job.
 */
export function openConnection(deps: ConnectionDeps): Connection {
  const { pingAfterMs } = deps.timings;
  const progress: Progress = {
    state: "opening",
    pingAfterMs,
    reconnectAfterMs: undefined,
    refusal: undefined,
    isAsked: deps.getToken === undefined,
    cookieUser: undefined,
  };
  const socket = new deps.WebSocket(deps.url, nativeSubprotocol);
  const deadline = setTimeout(() => end(lostCode, "the server did not answer in time"), deps.timings.handshakeMs);
  const heartbeat = createHeartbeat({
    ...deps,
    ...deps.timings,
    ping: () => send({ type: "ping" }),
    onDead: (reason) => end(lostCode, reason),
  });

  function send(frame: ClientFrameInput): void {
    if (progress.state !== "ended") socket.send(JSON.stringify(frame));
  }

  function end(code: number, reason: string): void {
    if (progress.state === "ended") return;
    progress.state = "ended";
    clearTimeout(deadline);
    // It was lost before, while nobody could see it: there is nothing to wait for.
    const { refusal, reconnectAfterMs = heartbeat.isProbing() ? 0 : undefined } = progress;
    heartbeat.stop();
    socket.close();
    const final = refusal !== undefined && !deps.tokenMayChange;
    deps.onEnd({ code, reason: refusal ?? reason, final, reconnectAfterMs });
  }

  function becomeReady(user: User | undefined): void {
    progress.refusal = undefined;
    if (progress.state !== "authenticating") return;
    progress.state = "ready";
    clearTimeout(deadline);
    heartbeat.start(progress.pingAfterMs);
    deps.onReady(user);
  }

  listen({ deps, progress, socket, heartbeat, send, end, becomeReady });
  return {
    send,
    probe: () => void (progress.state === "ready" && heartbeat.probe()),
    close: () => end(normalCode, "closed by the caller"),
  };
}

interface Running {
  readonly deps: ConnectionDeps;
  readonly progress: Progress;
  readonly socket: Socket;
  readonly heartbeat: Heartbeat;
  readonly send: (frame: ClientFrameInput) => void;
  readonly end: (code: number, reason: string) => void;
  readonly becomeReady: (user: User | undefined) => void;
}

function listen(running: Running): void {
  const { deps, progress, socket, heartbeat, end } = running;
  socket.addEventListener("open", () => {
    if (progress.state === "ended") return socket.close();
    progress.state = "authenticating";
    deps.onOpen();
    void authenticate(running);
  });
  socket.addEventListener("message", ({ data }) => {
    if (progress.state === "ended") return;
    heartbeat.heard();
    const frame = deps.decode(data);
    if (frame === undefined) return deps.log.debug({}, "ignored a frame that this client does not know");
    apply(running, frame);
    deps.onFrame(frame);
  });
  socket.addEventListener("close", ({ code, reason }) => end(code, reason || "the connection was lost"));
  // What went wrong is only in the `close` event that always follows; without a listener Node.js would throw.
  socket.addEventListener("error", () => undefined);
}

/** What a frame means for the connection itself. */
function apply(running: Running, frame: ServerFrame): void {
  const { deps, progress, becomeReady } = running;
  switch (frame.type) {
    case "welcome":
      progress.pingAfterMs = Math.min(progress.pingAfterMs, frame.heartbeat_ms);
      if (deps.getToken !== undefined) return;
      return frame.auth_required ? refuse(running, "the server wants a token") : becomeReady(undefined);
    case "auth_success":
      if (progress.isAsked) return becomeReady(frame.user);
      progress.cookieUser = frame.user;
      return;
    case "auth_error":
      // The token could not be checked now. It may be a good one, and the server closes with a code to come back.
      return frame.code === "AUTH_UNAVAILABLE" ? undefined : refuse(running, frame.message);
    case "auth_expiring":
      return void (deps.tokenMayChange && authenticate(running));
    case "going_away":
      progress.reconnectAfterMs = frame.reconnect_after_ms;
      return;
    default:
  }
}

async function authenticate({ deps, progress, send, end, becomeReady }: Running): Promise<void> {
  if (deps.getToken === undefined) return;
  try {
    const token = await deps.getToken();
    progress.isAsked = true;
    if (token !== null) send({ type: "auth", token, knows: ["unknown"] });
    else if (progress.cookieUser !== undefined) becomeReady(progress.cookieUser);
  } catch (error) {
    deps.log.warn({ err: error }, "no token could be had");
    // On a connection that is ready the old token still holds.
    if (progress.state !== "ready") end(lostCode, "no token could be had");
  }
}

function refuse({ deps, progress, end }: Running, reason: string): void {
  progress.refusal = reason;
  if (!deps.tokenMayChange) end(lostCode, reason);
}
