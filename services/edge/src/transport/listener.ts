import { StartError } from "@parley/runtime";
import uWS, { type TemplatedApp, type us_listen_socket } from "uWebSockets.js";
import { peerOf } from "./peer.ts";

export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Several processes may listen on the port, and the kernel spreads connections over them. */
  readonly isShared: boolean;
}

export interface PublicListener {
  readonly port: number;
  /** Accepts no more connections; those that are open stay. */
  stop(): void;
}

/**
 * The native function takes (host, port, options, callback), which the library's types do not know. Without EXCLUSIVE_PORT a second
 * server on a taken port would start, and silently get half of the connections.
 */
type ListenOnHost = (
  host: string,
  port: number,
  options: number,
  callback: (socket: us_listen_socket | false) => void,
) => TemplatedApp;

/** Connections beyond the sockets of a process: requests, and handshakes that are under way. Kept below what is left of its files. */
const besideSockets = 128;

export interface ConnectionCap {
  /** Sockets, and requests that wait or stream, that this process takes. */
  readonly maxConnections: number;
  /** Whether one more TCP connection of this peer is taken. */
  readonly accepts: (peer: string) => boolean;
  readonly onRefused: () => void;
}

/**
 * Closes connections as soon as they are accepted where the process, or its peer, has as many as it may: also those that never send a request, which would use up its files
 * before any other limit counts. Returns what is to be told of each WebSocket that has closed: the library says only of other connections that they have.
 */
export function capConnections(app: TemplatedApp, { maxConnections, accepts, onRefused }: ConnectionCap): () => void {
  let open = 0;
  app.filter((response, change) => {
    open += Number(change);
    if (Number(change) <= 0) return;
    const hasRoom = open <= maxConnections + besideSockets;
    if (hasRoom && accepts(peerOf(response))) return;
    if (!hasRoom) onRefused();
    response.close();
  });
  return () => {
    open--;
  };
}

/** The library declares these as an enum that does not exist when it runs. */
const defaultOptions = 0;
const exclusivePort = 1;

function hasHostOverload(app: TemplatedApp): app is TemplatedApp & { listen: ListenOnHost } {
  return typeof app.listen === "function";
}

function takenSentence(port: number, isShared: boolean): string {
  if (!isShared)
    return `Port ${port} is in use: set PORT to another one, or REUSE_PORT=1 here and in the other process.`;
  return `Port ${port} is in use by a process that does not share it: start that one with REUSE_PORT=1 too, or set PORT to another one.`;
}

/** Throws StartError when the port cannot be had. */
export async function listenPublicly(
  app: TemplatedApp,
  { host, port, isShared }: ListenOptions,
): Promise<PublicListener> {
  const options = isShared ? defaultOptions : exclusivePort;
  const socket = await new Promise<us_listen_socket | false>((resolve) => {
    if (hasHostOverload(app)) app.listen(host, port, options, resolve);
  });
  if (socket === false) {
    throw new StartError(takenSentence(port, isShared));
  }
  let isListening = true;
  return {
    port: uWS.us_socket_local_port(socket),
    stop() {
      if (isListening) uWS.us_listen_socket_close(socket);
      isListening = false;
    },
  };
}
