import {
  ChatError,
  ClientFrame,
  closeCodes,
  frameAddressOf,
  toChatError,
  type Caller,
  type ErrorCode,
  type FrameAddress,
  type FrameError,
  type May,
} from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { actedCaller } from "../admission/acting.ts";
import type { Admission } from "../admission/admit.ts";
import type { FrameLimits } from "../admission/limit-frames.ts";
import type { Commands } from "../commands/commands.ts";
import { askOf } from "../commands/asking.ts";
import { inOrder, type Aside } from "../commands/message-order.ts";
import type { Ownership } from "../commands/ownership.ts";
import { rememberWish } from "../commands/places.ts";
import type { Viewing } from "../commands/viewing.ts";
import type { Credential } from "../credential.ts";
import type { Outbox } from "../delivery/outbox.ts";
import { countOne } from "../figures/metrics.ts";
import type { HubConnection } from "../hub/hub.ts";
import type { Received } from "./inbox.ts";

export interface FrameHandlerDeps {
  /** Chooses the dialect of a connection that has none yet. Throws ChatError. */
  readonly chooseDialect: (connection: HubConnection, text: string) => void;
  readonly admission: Pick<Admission, "afterStandstill" | "recheck">;
  readonly may: May;
  readonly limitFrame: FrameLimits;
  /** Without a credential: only what the client knows. */
  readonly onAuth: (
    connection: HubConnection,
    credential: Credential | undefined,
    knows?: readonly string[],
  ) => Promise<void>;
  readonly commands: Commands;
  readonly ownership: Ownership;
  readonly viewing: Viewing;
  readonly outbox: Outbox;
  /** Whether the broker can be reached and delivers. */
  readonly isBrokerWell: () => boolean;
  readonly counters: { errors: Map<ErrorCode, number> };
  readonly log: Logger;
}

/** Handles what a client sends, as its dialect reads it; what goes wrong becomes the answer. Never rejects. */
export function createFrameHandler(deps: FrameHandlerDeps) {
  const { admission, outbox, isBrokerWell, counters, log } = deps;

  const handle = async (connection: HubConnection, frame: ClientFrame, aside: Aside): Promise<void> => {
    if (frame.type === "auth") return authenticate(deps, connection, frame);
    if (frame.type === "ping") {
      outbox.sendFrame(connection, { type: "pong", ts: Date.now() });
      return;
    }
    if (connection.session !== undefined) connection.session.activeMs = performance.now();
    const { caller } = connection;
    if (caller === undefined) throw new ChatError("AUTH_REQUIRED");
    const standstill = admission.afterStandstill(caller);
    if (standstill !== undefined) await standstill;
    if (connection.acting === undefined && frame.on_behalf_of === undefined)
      return dispatch(deps, connection, frame, aside);
    return actFor(deps, connection, frame, (asker) => dispatch(deps, asker, frame, aside));
  };

  const refuse = (connection: HubConnection, thrown: unknown, address: FrameAddress, isDecoded = false): void => {
    // Whatever the broker's client throws while it is away means the same: try again.
    const isOurs = thrown instanceof ChatError || isBrokerWell();
    const error = isOurs ? toChatError(thrown) : new ChatError("OVERLOADED", { cause: thrown });
    countOne(counters.errors, error.code);
    // Who mistypes what has to be typed is no abuser.
    if (error.code === "INVALID_FRAME" && !(isDecoded && address.frame === "approve")) connection.invalidFrames++;
    const level = error.cause === undefined || error.code === "INVALID_FRAME" ? "debug" : "warn";
    log[level]({ err: error, connection: connection.id, frame: knownKind(address) }, "a frame was refused");
    outbox.sendFrame(connection, frameErrorOf(error, address));
  };

  return async (connection: HubConnection, received: Received, aside: Aside): Promise<void> => {
    if (typeof received !== "string") {
      return "kind" in received
        ? deps.onAuth(connection, received)
        : refuse(connection, received.error, received.address);
    }
    let frame: ClientFrame | undefined;
    try {
      deps.chooseDialect(connection, received);
      const frames = [await connection.dialect.decode(received, connection.caller)].flat();
      [frame] = frames;
      charge(deps, connection, frames.length - 1);
      for (frame of frames) {
        // As of texts that come one by one: whoever was put out meanwhile gets nothing more done.
        if (frames.length > 1 && connection.state === "closed") return;
        await handle(connection, frame, aside);
      }
    } catch (thrown) {
      if (frame === undefined) refuse(connection, thrown, frameAddressOf(received));
      else refuse(connection, thrown, addressOf(frame), true);
    }
  };
}

async function authenticate(
  { onAuth, commands: { guests } }: FrameHandlerDeps,
  connection: HubConnection,
  { token, knows }: Extract<ClientFrame, { type: "auth" }>,
): Promise<void> {
  await onAuth(connection, credentialOf(connection, token), knows);
  guests.renewed(connection);
}

/** Without a token it only says what its client knows, on a socket that was opened with something else. Throws AUTH_REQUIRED. */
function credentialOf({ caller }: HubConnection, token: string | undefined): Credential | undefined {
  if (token !== undefined) return { kind: "token", token };
  if (caller === undefined) throw new ChatError("AUTH_REQUIRED");
  return undefined;
}

type AskingFrame = Exclude<ClientFrame, { type: "auth" | "ping" }>;

/** On a gateway's connection: does it as the user's for whom it is asked, who may share what is looked at with others of the gateway. */
async function actFor(
  { admission, may, commands: { acting } }: FrameHandlerDeps,
  connection: HubConnection,
  frame: AskingFrame,
  work: (asker: HubConnection) => Promise<void>,
): Promise<void> {
  const { on_behalf_of: who, conversation_id: conversation } = frame;
  let asker = connection;
  if (who !== undefined && connection.caller !== undefined) {
    const caller = actedCaller(may, connection.caller, who);
    admission.recheck(caller);
    asker = acting.of(connection, caller);
  }
  if (conversation === undefined) return work(asker);
  if (lookingFrames.has(frame.type)) await acting.take(asker, conversation);
  try {
    await work(asker);
  } finally {
    await acting.settle(asker, conversation);
  }
}

/** Whoever sends these looks at the conversation from then on. */
const lookingFrames: ReadonlySet<string> = new Set(["message", "regenerate", "subscribe", "handover"]);

async function dispatch(
  deps: FrameHandlerDeps,
  connection: HubConnection,
  frame: AskingFrame,
  aside: Aside,
): Promise<void> {
  const { caller } = connection;
  if (caller === undefined) throw new ChatError("AUTH_REQUIRED");
  const message = frame.type === "handover" && frame.end !== true ? askOf(frame) : frame;
  if (message.type !== "message" && message.type !== "regenerate")
    return handleOfCaller(deps, connection, caller, message);
  return inOrder(connection, message.conversation_id, aside, (step) => ask(deps, connection, message, step));
}

/** Makes it a turn of whose connection it is. */
async function ask(
  { viewing, commands }: FrameHandlerDeps,
  connection: HubConnection,
  frame: Extract<ClientFrame, { type: "message" | "regenerate" }>,
  aside: Aside,
): Promise<void> {
  const { caller } = connection;
  if (caller === undefined) throw new ChatError("AUTH_REQUIRED");
  viewing.leaveEnded(connection);
  const asked = frame.type === "message" ? frame : await commands.again(caller, frame);
  return commands.message(connection, caller, asked, { aside });
}

/** One text that stands for several frames costs as much as these: all of them, before the first is handled. Throws RATE_LIMITED. */
function charge({ limitFrame, outbox }: FrameHandlerDeps, connection: HubConnection, more: number): void {
  for (let i = 0; i < more; i++) {
    const refusal = limitFrame(connection, 0);
    if (refusal === undefined) continue;
    if (refusal.isFlood) outbox.close(connection, closeCodes.protocolAbuse, "too many frames");
    throw refusal.error;
  }
}

async function handleOfCaller(
  { commands, ownership, viewing, outbox }: FrameHandlerDeps,
  connection: HubConnection,
  caller: Caller,
  frame: FrameOfCaller,
): Promise<void> {
  if (isOfRoom(frame)) return handleOfRoom(commands, connection, caller, frame);
  switch (frame.type) {
    case "subscribe":
      rememberWish(connection, frame.conversation_id, frame.after);
      return subscribe({ commands, ownership, viewing }, connection, caller, frame);
    case "unsubscribe":
      return viewing.unsubscribe(connection, frame.conversation_id);
    case "cancel":
      await commands.cancel(caller, frame);
      return;
    case "title":
      await commands.title(caller, frame);
      return;
    case "feedback":
      outbox.sendFrame(connection, await commands.feedback(caller, frame));
      return;
    case "handover":
      await commands.handover.withdraw(frame.conversation_id, caller);
      return;
    case "queue":
      return commands.queue(caller, frame);
    case "approve":
      outbox.sendFrame(connection, await commands.approve(caller, frame));
      return;
  }
}

type FrameOfCaller = Exclude<ClientFrame, { type: "auth" | "ping" | "message" | "regenerate" }>;
type FrameOfRoom = Extract<FrameOfCaller, { type: "edit" | "delete" | "react" | "pin" | "typing" | "read" }>;
const typesOfRoom: ReadonlySet<string> = new Set<FrameOfRoom["type"]>([
  ...(["edit", "delete", "react", "pin", "typing", "read"] as const),
]);

function isOfRoom(frame: FrameOfCaller): frame is FrameOfRoom {
  return typesOfRoom.has(frame.type);
}

/** What people do with messages and tell each other. */
async function handleOfRoom(
  commands: Commands,
  connection: HubConnection,
  caller: Caller,
  frame: FrameOfRoom,
): Promise<void> {
  switch (frame.type) {
    case "edit":
      await commands.changes.edit(caller, frame);
      return;
    case "delete":
      await commands.changes.remove(caller, frame);
      return;
    case "react":
      await commands.changes.react(caller, frame);
      return;
    case "pin":
      return commands.rooms.pin(frame.conversation_id, caller, frame);
    case "typing":
      return commands.typing(connection, caller, frame);
    case "read":
      return commands.read(caller, frame, connection);
  }
}

/** Who looks on because the conversation was handed over to them does so no longer than that holds: it may have ended before they were there to be told. */
async function subscribe(
  { commands: { guests }, ownership, viewing }: Pick<FrameHandlerDeps, "commands" | "ownership" | "viewing">,
  connection: HubConnection,
  caller: Caller,
  { conversation_id: conversation, after }: Extract<ClientFrame, { type: "subscribe" }>,
): Promise<void> {
  const standing = await ownership.reader(conversation, caller);
  if (standing === "operator") guests.add(connection, conversation);
  await viewing.follow(connection, conversation, after);
  if (standing === "operator") await guests.confirm(connection, conversation, ownership.reader(conversation, caller));
}

const kinds: ReadonlySet<string> = new Set(ClientFrame.options.map(({ shape }) => shape.type.value));

/** For the log: whatever else somebody calls a frame may be words of theirs. */
function knownKind({ frame = "" }: FrameAddress): string {
  return kinds.has(frame) ? frame : "unknown";
}

function addressOf(frame: ClientFrame): FrameAddress {
  return {
    frame: frame.type,
    ...("id" in frame && frame.id !== undefined ? { id: frame.id } : {}),
    ...("conversation_id" in frame && frame.conversation_id !== undefined
      ? { conversation_id: frame.conversation_id }
      : {}),
    ...("call_id" in frame ? { call_id: frame.call_id } : {}),
    ...("on_behalf_of" in frame && frame.on_behalf_of !== undefined ? { on_behalf_of: frame.on_behalf_of.id } : {}),
  };
}

function frameErrorOf({ message, code, retryable, retryAfterMs }: ChatError, address: FrameAddress): FrameError {
  const retry = retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs };
  return { type: "error", error: message, code, retryable, ...retry, ...address };
}
