import { WebSocket } from "k6/websockets";
import type { Tally } from "./tally.ts";
import { authFrame, chatPath, type Frame, handshakeHeaders, readFrame } from "./wire.ts";

export interface LinkOptions {
  readonly url: string;
  readonly token: string;
  /** What the client says that it knows. */
  readonly knows?: readonly string[];
  readonly tally: Tally;
  /** The token was accepted. */
  readonly onReady: () => void;
  /** `atMs`: when the bytes were read, which is before this script has time for them. */
  readonly onFrame: (frame: Frame, atMs: number) => void;
  /** It is gone, and nobody here closed it. `wasReady`: it could be used before. */
  readonly onLost: (wasReady: boolean, reason: string) => void;
}

export interface Link {
  send(text: string): void;
  close(): void;
}

/** One authenticated socket. */
export function openLink({ url, token, knows, tally, onReady, onFrame, onLost }: LinkOptions): Link {
  const openedMs = Date.now();
  let state: "connecting" | "open" | "ready" | "over" = "connecting";
  let reason = "closed";
  const socket = new WebSocket(`${url}${chatPath}`, null, { headers: handshakeHeaders, tags: { name: "ws_chat" } });

  const end = (): void => {
    if (state === "over") return;
    const wasReady = state === "ready";
    if (state !== "connecting") tally.socketClosed();
    state = "over";
    onLost(wasReady, reason);
  };

  socket.addEventListener("open", (event) => {
    state = "open";
    tally.socketOpened();
    tally.time("connect", event.timestamp - openedMs);
    socket.send(authFrame(token, knows));
  });
  socket.addEventListener("message", (event) => {
    if (state === "over" || !("data" in event) || typeof event.data !== "string") return;
    const frame = readFrame(event.data);
    tally.time("generator_lag", Math.max(0, Date.now() - event.timestamp));
    if (frame.type === "auth_error") reason = `auth_error ${frame.code}`;
    if (frame.type !== "auth_success") return onFrame(frame, event.timestamp);
    state = "ready";
    tally.count("connected");
    tally.time("auth", event.timestamp - openedMs);
    onReady();
  });
  socket.addEventListener("error", (event) => {
    if ("error" in event) reason = withoutNumbers(event.error);
  });
  socket.addEventListener("close", end);

  return {
    send: (text) => socket.send(text),
    close() {
      if (state === "open" || state === "ready") tally.socketClosed();
      state = "over";
      socket.close();
    },
  };
}

/** Ports and addresses make each message another one; the kinds are to be counted. */
function withoutNumbers(message: string): string {
  return message.replace(/\d+(\.\d+)+(:\d+)?/g, "…").slice(0, 120);
}
