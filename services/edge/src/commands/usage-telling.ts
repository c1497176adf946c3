import { decodeVisible, nativeDialect, type VisibleEvent } from "@parley/dialects";
import type { Caller, ConversationId, TurnId, Usage } from "@parley/protocol";
import type { AnswerEnded } from "../delivery/answer-times.ts";
import type { Connection } from "../delivery/connection.ts";
import type { Outbox } from "../delivery/outbox.ts";
import type { UsageReading } from "./usage.ts";

export interface UsageTellingDeps {
  readonly usage: Pick<UsageReading, "left" | "isLimited">;
  readonly outbox: Pick<Outbox, "sendFrame">;
}

export interface TurnPlace {
  readonly conversation_id: ConversationId;
  readonly turn_id: TurnId;
}

/** Tells whoever has quotas, behind the end of each of their answers, what is left. Others cost nothing: for them there is nothing to be done then. */
export function createUsageTelling({ usage, outbox }: UsageTellingDeps) {
  const tell = async (
    connection: Connection,
    caller: Caller,
    { conversation_id, turn_id }: TurnPlace,
    used?: Usage,
  ) => {
    const { currency, periods } = await usage.left(caller);
    if (periods.length === 0 || connection.state !== "ready" || connection.caller?.user.id !== caller.user.id) return;
    const said = used === undefined ? {} : { usage: used };
    outbox.sendFrame(connection, { type: "usage", conversation_id, turn_id, ...said, currency, periods });
  };

  return (connection: Connection, caller: Caller, turn: TurnPlace): AnswerEnded | undefined => {
    if (connection.dialect.name !== nativeDialect.name || !usage.isLimited(caller)) return undefined;
    // It is for display: where Redis does not answer nothing is told, and whoever wants to know can ask (`GET /api/v1/usage`).
    return (end) => void tell(connection, caller, turn, usageIn(end)).catch(() => {});
  };
}

function usageIn(end: VisibleEvent | undefined): Usage | undefined {
  const event = end && decodeVisible(end);
  return event?.type === "complete" || event?.type === "cancelled" || event?.type === "error" ? event.usage : undefined;
}
