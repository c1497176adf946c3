import type { LastForMsgRequest, NextMsgRequest, SeqMsgRequest } from "@nats-io/jetstream";
import { subjects } from "@parley/protocol";
import type { Requests } from "./requests.ts";

/** One message: of a sequence, the last of a subject, or the first of a subject from a sequence on. */
export type LookupQuery = SeqMsgRequest | LastForMsgRequest | (NextMsgRequest & SeqMsgRequest);

/** A message as a stream keeps it. */
export interface FoundMessage {
  readonly subject: string;
  readonly seq: number;
  /** When the broker stored it, by the broker's clock. */
  readonly time: Date;
  /** Borrowed: a view into the connection's read buffer. */
  readonly data: Uint8Array;
  /** The key with which it was sealed was erased: it is deleted, and has nothing that can be read. */
  readonly isErased?: true;
}

const notFound = 404;
/** As the subject of a look-up: all there are. */
export const wholeStream = ">";
/** The same, where the server has to look for it. */
export const allSubjects = "chat.>";

/** Asks any copy of a stream for one message; null: there is none. Throws when the broker does not answer, or says that it cannot. */
export async function directGet(
  requests: Pick<Requests, "ask">,
  stream: string,
  query: LookupQuery,
  timeoutMs: number,
): Promise<FoundMessage | null> {
  const found = await askFor(requests, stream, query, timeoutMs);
  if (found !== null || !("last_by_subj" in query) || query.last_by_subj !== wholeStream) return found;
  // The server looks at the last sequence there was, and nothing else: where that message was deleted, it takes the stream for empty.
  return askFor(requests, stream, { last_by_subj: allSubjects }, timeoutMs);
}

async function askFor(
  requests: Pick<Requests, "ask">,
  stream: string,
  query: LookupQuery,
  timeoutMs: number,
): Promise<FoundMessage | null> {
  // In the subject of a question a wildcard would be one letter.
  const answer = await ("last_by_subj" in query && !query.last_by_subj.endsWith(">")
    ? requests.ask(`${subjects.directGet(stream)}.${query.last_by_subj}`, "", timeoutMs)
    : requests.ask(subjects.directGet(stream), JSON.stringify(query), timeoutMs));
  const { headers, data } = answer;
  if (headers === undefined) throw new Error("the broker answered a look-up with something else");
  if (headers.code === notFound) return null;
  if (headers.code !== 0) throw new Error(`a look-up was refused: ${headers.code} ${headers.description}`);
  return {
    subject: headers.get("Nats-Subject"),
    seq: Number(headers.get("Nats-Sequence")),
    time: new Date(headers.get("Nats-Time-Stamp")),
    data,
  };
}
