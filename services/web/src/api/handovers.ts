import type { Handover } from "@parley/protocol/fold";
import { listIn } from "./answers.ts";
import { fieldsOf } from "./api-error.ts";
import type { Http } from "./http.ts";

/** A conversation that waits for a person, or has one. */
export interface OpenHandover extends Handover {
  readonly conversation_id: string;
  /** Whose it is. */
  readonly user: { readonly id: string; readonly name?: string };
}

export interface HandoverCalls {
  /** Oldest first. 403 for who answers for nobody. */
  readonly handovers: () => Promise<readonly OpenHandover[]>;
  readonly takeHandover: (conversationId: string) => Promise<void>;
  readonly giveBack: (conversationId: string) => Promise<void>;
  /** For the owner of the conversation. */
  readonly askForPerson: (conversationId: string) => Promise<void>;
  readonly withdrawHandover: (conversationId: string) => Promise<void>;
}

function isOpenHandover(value: unknown): value is OpenHandover {
  const { conversation_id, state, asked_at, user } = fieldsOf(value);
  const isKnown = typeof conversation_id === "string" && typeof state === "string" && typeof asked_at === "number";
  return isKnown && typeof fieldsOf(user)["id"] === "string";
}

export function handoverCalls(http: Http): HandoverCalls {
  const queue = (id: string, what: string): string => `/api/v1/handovers/${encodeURIComponent(id)}/${what}`;
  const own = (id: string): string => `/api/v1/conversations/${encodeURIComponent(id)}/handover`;
  return {
    handovers: async () => listIn(await http("/api/v1/handovers"), "handovers", isOpenHandover),
    takeHandover: async (id) => void (await http(queue(id, "take"), { method: "POST" })),
    giveBack: async (id) => void (await http(queue(id, "end"), { method: "POST" })),
    askForPerson: async (id) => void (await http(own(id), { method: "POST", body: {} })),
    withdrawHandover: async (id) => void (await http(own(id), { method: "DELETE" })),
  };
}
