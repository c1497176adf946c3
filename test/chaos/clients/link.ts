import { ServerFrame, nativeSubprotocol, type ClientFrameInput } from "@parley/protocol";
import { WebSocket, type RawData } from "ws";
import type { Random } from "../plan/random.ts";

export interface LinkDeps {
  readonly token: string;
  /** Addresses of the edges; each connection goes to the next one. */
  readonly edges: () => readonly string[];
  readonly firstEdge: number;
  readonly random: Random;
  /** What it says that it knows. */
  readonly knows?: readonly string[] | undefined;
  /** Authenticated: frames may be sent. */
  readonly onReady: (edge: number) => void;
  readonly onFrame: (frame: ServerFrame) => void;
  readonly onUnreadable: (text: string) => void;
  /** Called once for each `onReady`. */
  readonly onLost: (code: number) => void;
}

/** A plain WebSocket that comes back after each loss, on the next edge. Trusts nothing and checks nothing: that is done with what it recorded. */
export interface Link {
  open(): void;
  /** False when there is no connection that is ready. */
  send(frame: ClientFrameInput): boolean;
  cut(): void;
  pause(): void;
  resume(): void;
  reconnects(): number;
  close(): void;
}

const handshakeTimeoutMs = 4_000;
const backMs = [40, 400] as const;
const pingEveryMs = 3_000;
/** No connection is silent for longer: it pings, and the edge answers. */
const deadAfterMs = 9_000;

interface Progress {
  socket: WebSocket | undefined;
  isReady: boolean;
  isClosed: boolean;
  isPaused: boolean;
  edge: number;
  connections: number;
  heardAt: number;
  timer: NodeJS.Timeout | undefined;
}

export function createLink(deps: LinkDeps): Link {
  const progress: Progress = {
    socket: undefined,
    isReady: false,
    isClosed: false,
    isPaused: false,
    edge: deps.firstEdge,
    connections: 0,
    heardAt: 0,
    timer: undefined,
  };

  const send = (frame: ClientFrameInput): boolean => {
    if (!progress.isReady) return false;
    progress.socket?.send(JSON.stringify(frame));
    return true;
  };
  const watchdog = setInterval(() => {
    if (progress.isPaused || progress.socket === undefined) return;
    if (performance.now() - progress.heardAt > deadAfterMs) progress.socket.terminate();
    else send({ type: "ping" });
  }, pingEveryMs);

  const open = (): void => {
    const urls = deps.edges();
    const edge = progress.edge % urls.length;
    progress.edge = edge + 1;
    progress.heardAt = performance.now();
    connect(deps, progress, urls[edge] ?? "", edge, () => {
      if (!progress.isClosed) progress.timer = setTimeout(open, deps.random.within(backMs));
    });
  };

  return {
    open,
    send,
    // Half of all losses are announced by nobody.
    cut: () => (deps.random.chance(0.5) ? progress.socket?.terminate() : progress.socket?.close(1000)),
    pause() {
      progress.isPaused = true;
      progress.socket?.pause();
    },
    resume() {
      progress.isPaused = false;
      progress.heardAt = performance.now();
      progress.socket?.resume();
    },
    reconnects: () => Math.max(0, progress.connections - 1),
    close() {
      progress.isClosed = true;
      clearTimeout(progress.timer);
      clearInterval(watchdog);
      progress.socket?.terminate();
    },
  };
}

function connect(deps: LinkDeps, progress: Progress, url: string, edge: number, onEnd: () => void): void {
  const socket = new WebSocket(url, nativeSubprotocol, { handshakeTimeout: handshakeTimeoutMs });
  progress.socket = socket;
  progress.isPaused = false;
  socket.on("open", () =>
    socket.send(
      JSON.stringify({
        type: "auth",
        token: deps.token,
        knows: [...(deps.knows ?? ["unknown"])],
      } satisfies ClientFrameInput),
    ),
  );
  socket.on("message", (data: RawData) => {
    progress.heardAt = performance.now();
    const text = textOf(data);
    const frame = readFrame(text);
    if (frame === undefined) return deps.onUnreadable(text);
    if (frame.type === "auth_success") {
      progress.isReady = true;
      progress.connections += 1;
      deps.onReady(edge);
    } else deps.onFrame(frame);
  });
  // A refused connection also closes; what went wrong does not matter here.
  socket.on("error", () => undefined);
  socket.on("close", (code) => {
    if (progress.isReady) deps.onLost(code);
    progress.isReady = false;
    progress.socket = undefined;
    onEnd();
  });
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString("utf8");
  return Buffer.from(data instanceof ArrayBuffer ? new Uint8Array(data) : data).toString("utf8");
}

function readFrame(text: string): ServerFrame | undefined {
  try {
    return ServerFrame.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
