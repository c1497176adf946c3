import { nativeDialect } from "@parley/dialects";
import { ChatError, closeCodes, frameAddressOf, limits as protocolLimits, readFileFrame } from "@parley/protocol";
import uWS, { type WebSocketBehavior } from "uWebSockets.js";
import type { FrameLimits } from "../admission/limit-frames.ts";
import type { RefusedFrame } from "../delivery/connection.ts";
import type { DeliveryLimits } from "../delivery/delivery-limits.ts";
import type { Outbox } from "../delivery/outbox.ts";
import { closeLabelOf, endOfSocket } from "../figures/connection-figures.ts";
import { countOne, type Counters } from "../figures/metrics.ts";
import type { CatchUp } from "../hub/catch-up.ts";
import { bringInTurn } from "../hub/drained.ts";
import type { HubConnection } from "../hub/hub.ts";
import type { Connections } from "./connections.ts";
import { welcomeOf } from "./dialect-chooser.ts";
import type { FileFrames } from "./file-frames.ts";
import type { Received } from "./inbox.ts";
import type { SocketData } from "./upgrade.ts";

export interface WebSocketDeps {
  readonly upgrade: NonNullable<WebSocketBehavior<SocketData>["upgrade"]>;
  readonly connections: Connections;
  readonly outbox: Outbox;
  readonly catchUp: CatchUp;
  readonly limits: DeliveryLimits;
  /** How long events are kept. */
  readonly eventWindowMs: number;
  readonly counters: Pick<Counters, "closed" | "received" | "receivedBytes">;
  readonly limitFrame: FrameLimits;
  /** Told of each socket as soon as it is open. */
  readonly opened: (connection: HubConnection) => void;
  /** Told of each that has closed. */
  readonly socketGone: () => void;
  /** One frame of a client. */
  readonly receive: (connection: HubConnection, received: Received) => void;
  /** Those that are bytes of files. */
  readonly fileFrames: FileFrames;
}

/** Pings go out at about half of this: under the 30 s after which some load balancers cut a silent connection. */
const idleTimeoutSeconds = 30;

const decoder = new TextDecoder();

function binaryFrame(): RefusedFrame {
  const message = "Frames are JSON as text, and this one was binary.";
  return { error: new ChatError("INVALID_FRAME", { message }), address: {} };
}

/** Which of its frames it was the sender is told, unless finding out would cost as much as handling it. */
function tooFast(error: ChatError, text: string | undefined): RefusedFrame {
  const isReadable = text !== undefined && text.length <= protocolLimits.clientFrameBytes;
  return { error, address: isReadable ? frameAddressOf(text) : {} };
}

/** What is no bytes of a file is refused in its place among the other frames, as those that cannot be read. */
function takeFile(
  connection: HubConnection,
  message: ArrayBuffer,
  { receive, fileFrames }: Pick<WebSocketDeps, "receive" | "fileFrames">,
): void {
  const frame = readFileFrame(new Uint8Array(message).slice());
  if ("header" in frame) return fileFrames.receive(connection, frame);
  const { reason, id } = frame;
  const address = { frame: "file", ...(id === undefined ? {} : { id }) };
  receive(connection, { error: new ChatError("INVALID_FRAME", { message: reason }), address });
}

/** Takes a frame in, unless its sender is too fast. */
function createTake({ limitFrame, outbox, counters, receive, fileFrames }: WebSocketDeps) {
  return (connection: HubConnection, message: ArrayBuffer, isBinary: boolean): void => {
    counters.received++;
    counters.receivedBytes += message.byteLength;
    const isFile = isBinary && connection.dialect === nativeDialect;
    // Bytes of files have limits of their own, where it is known whose they are.
    const price = isFile && connection.caller !== undefined ? 0 : message.byteLength;
    const refusal = limitFrame(connection, price);
    if (refusal?.isFlood === true) return outbox.close(connection, closeCodes.protocolAbuse, "too many frames");
    if (isFile && refusal === undefined) return takeFile(connection, message, { receive, fileFrames });
    // The bytes are only lent until this returns: decoding copies them. Those of a text are UTF-8: others do not come this far.
    const text = isBinary ? undefined : decoder.decode(message);
    if (refusal === undefined) receive(connection, text ?? binaryFrame());
    else receive(connection, tooFast(refusal.error, text));
  };
}

/** Pings of the protocol are answered by the library; who sends nothing else costs as much, and is closed like anybody. */
function createPinged({ limitFrame, outbox }: WebSocketDeps) {
  return (connection: HubConnection, sizeBytes: number): void => {
    if (limitFrame(connection, sizeBytes)?.isFlood === true) {
      outbox.close(connection, closeCodes.protocolAbuse, "too many frames");
    }
  };
}

/** The life of a socket, wired to the parts that know what to do. */
export function createWebSocketBehavior(deps: WebSocketDeps): WebSocketBehavior<SocketData> {
  const { upgrade, connections, outbox, catchUp, limits, eventWindowMs } = deps;
  const { counters, opened, socketGone, receive } = deps;
  const take = createTake(deps);
  const pinged = createPinged(deps);

  const open = (connection: HubConnection): void => {
    // Clients of the seeds take their first frame for the answer to their `auth`.
    if (connection.dialect === nativeDialect) outbox.sendFrame(connection, welcomeOf(connection, eventWindowMs));
    const { credential } = connection;
    connection.credential = undefined;
    if (credential !== undefined) receive(connection, credential);
  };

  return {
    compression: uWS.DISABLED,
    // Far above our own limit, which answers with an error; above this one the socket is cut without a word.
    maxPayloadLength: protocolLimits.escapedFrameBytes,
    idleTimeout: idleTimeoutSeconds,
    sendPingsAutomatically: true,
    maxBackpressure: limits.maxBackpressureBytes,
    closeOnBackpressureLimit: 1,
    upgrade,
    open(ws) {
      const { connection } = ws.getUserData();
      connection.ws = ws;
      connections.add(connection);
      opened(connection);
      open(connection);
    },
    message: (ws, message, isBinary) => take(ws.getUserData().connection, message, isBinary),
    ping: (ws, message) => pinged(ws.getUserData().connection, message.byteLength),
    drain(ws) {
      const { connection } = ws.getUserData();
      if (outbox.drained(connection)) bringInTurn(connection, catchUp);
    },
    close(ws, code, message) {
      socketGone();
      const { connection } = ws.getUserData();
      const close = { ownCode: connection.closeCode, code, reason: decoder.decode(message) };
      countOne(counters.closed, closeLabelOf(close));
      connections.closed(connection, endOfSocket(close));
      connection.dialect.closed?.();
    },
  };
}
