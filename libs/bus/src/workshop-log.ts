import { randomUUID } from "node:crypto";
import {
  DiscardPolicy,
  jetstream,
  JetStreamApiError,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
} from "@nats-io/jetstream";
import { streams, subjects } from "@parley/protocol";
import type { BrokerLink } from "./nats-connection.ts";
import { unreadableBytes } from "./opening.ts";
import { createSealPlaces } from "./seal-places.ts";
import { plainTexts, type SealedTexts } from "./sealed-texts.ts";

export interface StoredDay {
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
}

/** By their tokens. */
export interface WorkshopPerson {
  readonly tenant: string;
  readonly user: string;
}

/**
 * The workshop's diaries as the broker keeps them: what decides about a booking. One subject for each tenant and day, of which the last message counts; each is
 * written behind the one before it. All looks are at the stream's leader. Throws when the broker does not answer.
 */
export interface WorkshopLog {
  /** Another one when the stream was lost and made again. */
  id(): Promise<string>;
  /** Of a tenant's day; undefined: nobody has booked. */
  last(tenant: string, date: string): Promise<StoredDay | undefined>;
  /** Stores it if nothing came behind that sequence (0: none). Returns its own; undefined: somebody was first. Throws when nobody can know, or there is no room. */
  put(
    day: { readonly tenant: string; readonly date: string },
    data: Uint8Array,
    behind: number,
  ): Promise<number | undefined>;
  /** The same of what a user is about to book. */
  lastOf(person: WorkshopPerson): Promise<StoredDay | undefined>;
  putOf(person: WorkshopPerson, data: Uint8Array, behind: number): Promise<number | undefined>;
  /** The sequence of the newest message; 0: there is none. */
  newest(): Promise<number>;
  /** The next message behind a sequence. */
  next(afterSeq: number): Promise<StoredDay | undefined>;
}

const mib = 2 ** 20;
const maxBytes = 256 * mib;
const answerMs = 5_000;
const wrongLastSequence = 10_071;
const streamNameInUse = 10_058;
const noStorageLeft = 10_047;
const streamNotFound = 10_059;

/** The stream is made with the first question, so that who has no workshop has no stream of it. */
export async function openWorkshopLog(
  { nc, texts = plainTexts }: Pick<BrokerLink, "nc"> & { readonly texts?: SealedTexts },
  replicas: number,
): Promise<WorkshopLog> {
  const options = { checkAPI: false, timeout: answerMs };
  const jsm = await jetstreamManager(nc, options);
  const js = jetstream(nc, options);
  const make = (): Promise<void> => makeStream(jsm, replicas);
  const look = async (query: { last_by_subj: string } | { seq: number; next_by_subj: string }) => {
    const ask = () => jsm.streams.getMessage(streams.workshop, query);
    const found = await ask().catch(async (error: unknown) => {
      if (!isMissing(error)) throw error;
      await make();
      return ask();
    });
    if (found === null) return undefined;
    const { seq, subject, data } = found;
    const at = placeIn(subject);
    // Of an erased key: as what cannot be read, it is not written over.
    return { seq, subject, data: at === undefined ? data : ((await texts.openBytes(at, data)) ?? unreadableBytes) };
  };
  const put = async (subject: string, data: Uint8Array, behind: number): Promise<number | undefined> => {
    const at = placeIn(subject);
    const stored = at === undefined ? data : await texts.sealBytes(at, data);
    try {
      return (await js.publish(subject, stored, { expect: { lastSubjectSequence: behind }, retries: 0 })).seq;
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === wrongLastSequence) return undefined;
      throw error;
    }
  };

  return {
    async id() {
      const text = async () => (await look({ last_by_subj: subjects.workshopId }))?.data;
      const found = await text();
      if (found !== undefined) return Buffer.from(found).toString();
      await put(subjects.workshopId, Buffer.from(randomUUID()), 0);
      return Buffer.from((await text()) ?? "").toString();
    },
    last: (tenant, date) => look({ last_by_subj: subjects.workshopDay(tenant, date) }),
    put: ({ tenant, date }, data, behind) => put(subjects.workshopDay(tenant, date), data, behind),
    lastOf: ({ tenant, user }) => look({ last_by_subj: subjects.workshopPerson(tenant, user) }),
    putOf: ({ tenant, user }, data, behind) => put(subjects.workshopPerson(tenant, user), data, behind),
    newest: async () => (await look({ last_by_subj: subjects.allWorkshop }))?.seq ?? 0,
    next: (afterSeq) => look({ seq: afterSeq + 1, next_by_subj: subjects.allWorkshop }),
  };
}

const placeIn = createSealPlaces();

function isMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === streamNotFound;
}

async function makeStream(jsm: JetStreamManager, replicas: number): Promise<void> {
  try {
    await jsm.streams.add({
      name: streams.workshop,
      subjects: [subjects.allWorkshop],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      // No booking is forgotten for want of room: new ones are refused.
      discard: DiscardPolicy.New,
      max_msgs_per_subject: 1,
      max_bytes: maxBytes,
      num_replicas: replicas,
    });
  } catch (error) {
    const isThere = error instanceof JetStreamApiError && [streamNameInUse, noStorageLeft].includes(error.code);
    if (!isThere) throw error;
  }
}
