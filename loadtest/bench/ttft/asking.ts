import { encodeClientFrame } from "../sockets/client-frame.ts";
import { fieldsOf, type FrameFields } from "../sockets/frame-fields.ts";
import { openRawSocket, type RawSocket } from "../sockets/raw-socket.ts";
import { endless, markOf, type ModelServer } from "./model-server.ts";

const pauseMs = 10;

/** One person at an edge who waits for each thing before the next. */
export interface Asker {
  readonly socket: RawSocket;
  /** The next frame of one of these types. */
  next(...types: string[]): Promise<FrameFields>;
}

export async function openAsker(port: number, protocol: string): Promise<Asker> {
  let wanted: readonly string[] = [];
  let give: ((frame: FrameFields) => void) | undefined;
  const onFrame = (payload: Buffer): void => {
    const frame = fieldsOf(payload);
    if (!wanted.includes(frame.type)) return;
    wanted = [];
    give?.(frame);
  };
  const next = (...types: string[]): Promise<FrameFields> =>
    new Promise((resolve) => {
      wanted = types;
      give = resolve;
    });
  const ready = next("auth_success");
  const socket = await openRawSocket({ port, path: "/ws/chat", protocol, onFrame });
  await ready;
  return { socket, next };
}

let marks = 0;

/** How long a message takes from the client's frame to the model's door, in ms. */
export async function timeMessage(asker: Asker, model: ModelServer, conversation: string | undefined) {
  const mark = markOf(marks++);
  const place = conversation === undefined ? {} : { conversation_id: conversation };
  const ended = asker.next("complete", "error");
  const sentAt = performance.now();
  asker.socket.send(encodeClientFrame({ type: "message", id: mark, message: `Hello ${mark} there`, ...place }));
  const ms = (await model.asked(mark)) - sentAt;
  const { type, conversation: named } = await ended;
  if (type !== "complete") throw new Error("a message was answered with an error");
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
  return { ms, conversation: named };
}

/** How long a cancel takes from the client's frame until the model sees its request closed, in ms. */
export async function timeCancel(asker: Asker, model: ModelServer): Promise<number> {
  const mark = markOf(marks++);
  const writing = asker.next("token");
  asker.socket.send(encodeClientFrame({ type: "message", id: mark, message: `Go on ${mark} ${endless}` }));
  const { conversation } = await writing;
  const ended = asker.next("cancelled", "complete", "error");
  const sentAt = performance.now();
  asker.socket.send(encodeClientFrame({ type: "cancel", conversation_id: conversation }));
  const ms = (await model.closed(mark)) - sentAt;
  await ended;
  return ms;
}

/** The same way through the bare path: frame, queue, request. */
export async function timeBare(socket: RawSocket, model: ModelServer): Promise<number> {
  const mark = markOf(marks++);
  const sentAt = performance.now();
  socket.send(`Hello ${mark} there`);
  const ms = (await model.asked(mark)) - sentAt;
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
  return ms;
}
