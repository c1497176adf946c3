import {
  ChatError,
  frameAddressOf,
  toChatError,
  type ClientFrame,
  type ErrorCode,
  type FrameAddress,
  type FrameError,
  type User,
} from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Commands } from "../commands/commands.ts";
import type { Ownership } from "../commands/ownership.ts";
import { rememberWish } from "../commands/places.ts";
import type { Viewing } from "../commands/viewing.ts";
import type { Outbox } from "../delivery/outbox.ts";
import { countOne } from "../figures/metrics.ts";
import type { HubConnection } from "../hub/hub.ts";
import type { Received } from "./inbox.ts";

export interface FrameHandlerDeps {
  /** Chooses the dialect of a connection that has none yet. Throws ChatError. */
  readonly chooseDialect: (connection: HubConnection, text: string) => void;
  readonly onAuth: (connection: HubConnection, token: string, knows?: readonly string[]) => Promise<void>;
  readonly commands: Commands;
  readonly ownership: Ownership;
  readonly viewing: Viewing;
  readonly outbox: Outbox;
  /** Whether the broker can be reached and delivers. */
  readonly isBrokerWell: () => boolean;
  readonly counters: { errors: Map<ErrorCode, number> };
  readonly log: Logger;
}

/** Handles one frame of a client; what goes wrong becomes the answer. Never rejects. */
export function createFrameHandler(deps: FrameHandlerDeps) {
  const { outbox, isBrokerWell, counters, log } = deps;

  const handle = async (connection: HubConnection, frame: ClientFrame): Promise<void> => {
    if (frame.type === "auth") return deps.onAuth(connection, frame.token, frame.knows);
    if (frame.type === "ping") {
      outbox.sendFrame(connection, { type: "pong", ts: Date.now() });
      return;
    }
    const { user } = connection;
    if (user === undefined) throw new ChatError("AUTH_REQUIRED");
    return handleOfUser(deps, connection, user, frame);
  };

  const refuse = (connection: HubConnection, thrown: unknown, address: FrameAddress, isDecoded = false): void => {
    // Whatever the broker's client throws while it is away means the same: try again.
    const isOurs = thrown instanceof ChatError || isBrokerWell();
    const error = isOurs ? toChatError(thrown) : new ChatError("OVERLOADED", { cause: thrown });
    countOne(counters.errors, error.code);
    // Who mistypes what has to be typed is no abuser.
    if (error.code === "INVALID_FRAME" && !(isDecoded && address.frame === "approve")) connection.invalidFrames++;
    const level = error.cause === undefined || error.code === "INVALID_FRAME" ? "debug" : "warn";
    log[level]({ err: error, connection: connection.id, frame: address.frame }, "a frame was refused");
    outbox.sendFrame(connection, frameErrorOf(error, address));
  };

  return async (connection: HubConnection, received: Received): Promise<void> => {
    if (received instanceof ChatError) return refuse(connection, received, {});
    let frame: ClientFrame | undefined;
    try {
      deps.chooseDialect(connection, received);
      frame = await connection.dialect.decode(received, connection.user);
      await handle(connection, frame);
    } catch (thrown) {
      if (frame === undefined) refuse(connection, thrown, frameAddressOf(received));
      else refuse(connection, thrown, addressOf(frame), true);
    }
  };
}

async function handleOfUser(
  { commands, ownership, viewing }: FrameHandlerDeps,
  connection: HubConnection,
  user: User,
  frame: Exclude<ClientFrame, { type: "auth" | "ping" }>,
): Promise<void> {
  switch (frame.type) {
    case "message":
      viewing.leaveEnded(connection);
      return commands.message(connection, user, frame);
    case "subscribe":
      rememberWish(connection, frame.conversation_id, frame.after);
      await ownership.check(frame.conversation_id, user.id);
      return viewing.follow(connection, frame.conversation_id, frame.after);
    case "unsubscribe":
      return viewing.unsubscribe(connection, frame.conversation_id);
    case "cancel":
      await commands.cancel(user, frame);
      return;
    case "title":
      await commands.title(user, frame);
      return;
    case "queue":
      return commands.queue(user, frame);
    case "approve":
      await commands.approve(user, frame);
      return;
  }
}

function addressOf(frame: ClientFrame): FrameAddress {
  return {
    frame: frame.type,
    ...("id" in frame && frame.id !== undefined ? { id: frame.id } : {}),
    ...("conversation_id" in frame && frame.conversation_id !== undefined
      ? { conversation_id: frame.conversation_id }
      : {}),
    ...("call_id" in frame ? { call_id: frame.call_id } : {}),
  };
}

function frameErrorOf({ message, code, retryable, retryAfterMs }: ChatError, address: FrameAddress): FrameError {
  const retry = retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs };
  return { type: "error", error: message, code, retryable, ...retry, ...address };
}
