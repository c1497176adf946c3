export type RequestState = "open" | "completed" | "client_closed" | "failed";

/** What a test can ask about a request afterwards. Times are milliseconds since 1970. */
export type RequestRecord = {
  id: string;
  at: number;
  model: string;
  client_request_id: string | null;
  stream: boolean;
  tokens_sent: number;
  state: RequestState;
  ended_at: number | null;
  closed_after_ms: number | null;
  last_user_message: string;
};

type NewRequest = { model: string; clientRequestId: string | undefined; stream: boolean; lastUserMessage: string };
export type RequestFilter = { clientRequestIdPrefix?: string | undefined; state?: string | undefined };
export type OpenRequest = {
  record: Readonly<RequestRecord>;
  addTokens(count: number): void;
  end(state: RequestState): void;
};

const MAX_RECORDS = 20_000;
const SHOWN_MESSAGE_LENGTH = 80;

export type RequestJournal = ReturnType<typeof createRequestJournal>;

/** The last requests, so that a test can see what reached the model and how it ended. */
export function createRequestJournal(maxRecords = MAX_RECORDS) {
  const records = new Map<string, RequestRecord>();
  let count = 0;

  function forgetOldest(): void {
    const oldest = records.keys().next();
    if (records.size > maxRecords && oldest.done !== true) records.delete(oldest.value);
  }

  return {
    open(request: NewRequest): OpenRequest {
      count += 1;
      const record = newRecord(`req-${count}`, request);
      records.set(record.id, record);
      forgetOldest();
      return {
        record,
        addTokens(tokens) {
          record.tokens_sent += tokens;
        },
        /** Only the first end counts: the close of the socket follows every other one. */
        end(state) {
          if (record.state !== "open") return;
          record.state = state;
          record.ended_at = Date.now();
          record.closed_after_ms = record.ended_at - record.at;
        },
      };
    },
    list({ clientRequestIdPrefix = "", state }: RequestFilter): RequestRecord[] {
      return [...records.values()].filter(
        (record) =>
          (record.client_request_id ?? "").startsWith(clientRequestIdPrefix) &&
          (state === undefined || record.state === state),
      );
    },
    clear(): void {
      records.clear();
    },
  };
}

function newRecord(id: string, { model, clientRequestId, stream, lastUserMessage }: NewRequest): RequestRecord {
  return {
    id,
    at: Date.now(),
    model,
    client_request_id: clientRequestId ?? null,
    stream,
    tokens_sent: 0,
    state: "open",
    ended_at: null,
    closed_after_ms: null,
    last_user_message: lastUserMessage.slice(0, SHOWN_MESSAGE_LENGTH),
  };
}
