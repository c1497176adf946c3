import { WebSocket } from "k6/websockets";
import type { LoadUser, UserOptions } from "./load-user.ts";
import { authFrame, chatPath, handshakeHeaders, pingFrame } from "./wire.ts";

/** One way to misbehave: what is sent at each tick. */
interface Abuse {
  /** Whether it first authenticates as it should. */
  readonly isKnown: boolean;
  readonly frames: () => readonly string[];
}

/** `WebSocket.OPEN`, which the types know and k6 does not. */
const openState = 1;
const tickMs = 50;
const comeBackMs = 200;
const floodPerTick = 50;
/** Above the 64 KB that a client frame may have, and above the 384 KB at which the socket is cut. */
const largeBytes = 100_000;
const hugeBytes = 500_000;

const abuses: Readonly<Record<string, Abuse>> = {
  /** Good frames, as fast as they can be sent. */
  flood: { isKnown: true, frames: () => Array.from({ length: floodPerTick }, pingFrame) },
  garbage: { isKnown: true, frames: () => ["no JSON", "[]", JSON.stringify({ type: "no such frame" })] },
  large: { isKnown: true, frames: () => ["x".repeat(largeBytes)] },
  huge: { isKnown: true, frames: () => ["x".repeat(hugeBytes)] },
  "bad-token": { isKnown: false, frames: () => [authFrame("no.good.token")] },
  silent: { isKnown: false, frames: () => [] },
};

/** A client that does what none should, and comes back whenever it is thrown out. Nothing that happens to it is an error. */
export function createAbuser({ settings, group, user, token, tally }: UserOptions): LoadUser {
  const { urls } = settings;
  const abuse = abuses[group.manner];
  let socket: WebSocket | undefined;
  let ticking: ReturnType<typeof setInterval> | undefined;
  let isOver = false;

  const tick = (): void => {
    // What the server does not read waits here: more would only fill the generator's memory.
    if (socket === undefined || socket.readyState !== openState || socket.bufferedAmount > hugeBytes) return;
    const frames = abuse?.frames() ?? [];
    for (const frame of frames) socket.send(frame);
    tally.count("abusive_frames", frames.length);
  };
  const connect = (): void => {
    if (isOver) return;
    const url = `${urls[user % urls.length] ?? ""}${chatPath}`;
    socket = new WebSocket(url, null, { headers: handshakeHeaders, tags: { name: "ws_abuse" } });
    socket.addEventListener("open", () => {
      if (abuse?.isKnown) socket?.send(authFrame(token));
    });
    socket.addEventListener("error", () => {
      // Being thrown out is what an abuser expects.
    });
    socket.addEventListener("close", () => {
      tally.count("abuser_closes");
      setTimeout(connect, comeBackMs);
    });
  };

  return {
    connect() {
      connect();
      ticking = setInterval(tick, tickMs);
    },
    finish() {
      isOver = true;
      clearInterval(ticking);
      socket?.close();
    },
    isBusy: () => false,
    close() {
      isOver = true;
      clearInterval(ticking);
      socket?.close();
    },
  };
}
