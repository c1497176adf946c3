import { has, listIn, oneOf } from "./answers.ts";
import { ApiError, fieldsOf } from "./api-error.ts";
import type { Http } from "./http.ts";

/** Something that is remembered of a person. */
export interface RememberedFact {
  readonly id: string;
  readonly text: string;
  /** The customer of whom it tells. */
  readonly customer_id?: string;
}

export interface UserMemory {
  readonly enabled: boolean;
  readonly facts: readonly RememberedFact[];
}

/** Where words were said. */
export interface MessageHit {
  readonly conversation_id: string;
  readonly title: string;
  readonly turn_id: string;
  readonly excerpt: { readonly text: string; readonly from: number; readonly to: number };
}

/** What the page asks of the memory of its person. Everything throws `ApiError`. */
export interface MemoryApi {
  /** Undefined: an older server, or one where this person has no right to it. */
  readonly memory: () => Promise<UserMemory | undefined>;
  readonly switchMemory: (enabled: boolean) => Promise<void>;
  readonly editFact: (id: string, text: string) => Promise<void>;
  readonly forgetFact: (id: string) => Promise<void>;
  readonly forgetAll: () => Promise<void>;
  /** What was said with these words; of an older server nothing. */
  readonly searchMessages: (q: string, signal?: AbortSignal) => Promise<readonly MessageHit[]>;
}

const path = "/api/v1/memory";
const factPath = (id: string): string => `${path}/${encodeURIComponent(id)}`;
const hitsLimit = 10;

export function memoryCalls(http: Http): MemoryApi {
  return {
    memory: () => unlessOlder(async () => memoryIn(await http(path)), undefined),
    switchMemory: async (enabled) => void (await http(path, { method: "PUT", body: { enabled } })),
    editFact: async (id, text) => void (await http(factPath(id), { method: "PUT", body: { text } })),
    forgetFact: async (id) => void (await http(factPath(id), { method: "DELETE" })),
    forgetAll: async () => void (await http(path, { method: "DELETE" })),
    searchMessages: (q, signal) => {
      const query = new URLSearchParams({ q, limit: String(hitsLimit) });
      return unlessOlder(async () => listIn(await http(`/api/v1/search?${query}`, { signal }), "hits", isHit), []);
    },
  };
}

async function unlessOlder<T>(ask: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await ask();
  } catch (thrown) {
    if (thrown instanceof ApiError && (thrown.status === 404 || thrown.status === 403)) return otherwise;
    throw thrown;
  }
}

function memoryIn(answer: unknown): UserMemory {
  const { enabled } = oneOf(answer, isSwitch);
  return { enabled, facts: listIn(answer, "facts", isFact) };
}

function isSwitch(value: unknown): value is { readonly enabled: boolean } {
  return has(value, { enabled: "boolean" });
}

function isFact(value: unknown): value is RememberedFact {
  const { customer_id: customer } = fieldsOf(value);
  return has(value, { id: "string", text: "string" }) && (customer === undefined || typeof customer === "string");
}

function isHit(value: unknown): value is MessageHit {
  const isPlace = has(fieldsOf(value)["excerpt"], { text: "string", from: "number", to: "number" });
  return has(value, { conversation_id: "string", title: "string", turn_id: "string" }) && isPlace;
}
