import type { JetStreamManager } from "@nats-io/jetstream";
import {
  FileRecord,
  OwnerRecord,
  parseStored,
  shardOf,
  streams,
  subjects,
  type ConversationId,
} from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Appender } from "./appender.ts";
import { createDataKeys, type DataKeys } from "./data-keys.ts";
import { allSubjects } from "./direct-get.ts";
import type { Encryption } from "./encryption.ts";
import type { FileSealing } from "./file-store-sealed.ts";
import { createKeyStream, setUpKeys } from "./key-stream.ts";
import type { BrokerLink } from "./nats-connection.ts";
import { createOpening, createKeylessOpening, type Opening, type OpeningCounts } from "./opening.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import { createSealPlaces, hashOfScope, isOfTool, tenantToken, type SealPlace } from "./seal-places.ts";
import { createSealedAppender } from "./sealed-appender.ts";
import { createSealedLookups } from "./sealed-lookups.ts";
import { createSealedTexts, plainTexts, type SealedTexts } from "./sealed-texts.ts";
import type { StreamOptions } from "./stream-configs.ts";

export interface SealingDeps {
  readonly link: BrokerLink;
  readonly jsm: PatientLookups;
  readonly manager: JetStreamManager;
  readonly appender: Appender;
  readonly options: Pick<StreamOptions, "shards" | "replicas">;
  readonly log: Logger;
}

export interface KeyFigures {
  readonly cached: () => number;
  /** Keys that were made and unwrapped, and those that could not be. */
  readonly keys: DataKeys["counts"];
  readonly notOpened: OpeningCounts;
}

/** What of the bus knows that something is sealed. */
export interface Sealing {
  readonly appender: Appender;
  readonly jsm: PatientLookups;
  readonly opening: Opening;
  /** For what is kept elsewhere than in streams. */
  readonly texts: SealedTexts;
  /** Undefined: nothing is sealed here. */
  readonly ofFiles: FileSealing | undefined;
  readonly figures: KeyFigures | undefined;
  /** Makes the stream of keys where there is to be one. */
  setUp(): Promise<void>;
  /** Makes the key of a conversation that has just begun, beside what else there is to do. */
  prepare(conversation: ConversationId, tenant: string | undefined): void;
  /** Erases the key of a conversation, for all and for ever. Throws when the broker does not answer. */
  shredConversation(conversation: ConversationId): Promise<void>;
  /** The same of any scope, see `SealPlace`. */
  shred(scope: string): Promise<void>;
  problems(): string[];
  close(): void;
}

/** Nothing is sealed here; and what others have sealed is not taken for something else. */
function createKeyless({ jsm, manager, appender, log }: SealingDeps): Sealing {
  let isEncrypted = false;
  const opening = createKeylessOpening(() => (isEncrypted = true), log);
  // A deployment without encryption has no such stream. Who has no right to ask does not learn it here, but with the first sealed message.
  manager.streams.getMessage(streams.keys, { last_by_subj: allSubjects }).then(
    (found) => void (isEncrypted ||= found !== null),
    (err: unknown) => log.debug({ err }, "it is not known whether anything is encrypted"),
  );
  const nothing = async (): Promise<void> => {};
  return {
    ...{
      appender,
      jsm: createSealedLookups(jsm, opening),
      opening,
      texts: plainTexts,
      ofFiles: undefined,
      figures: undefined,
    },
    setUp: nothing,
    prepare() {},
    shredConversation: nothing,
    shred: nothing,
    problems: () =>
      isEncrypted
        ? ["What is stored is encrypted, and this process has no keys: see ENCRYPTION_KEYS_FILE in docs/encryption.md."]
        : [],
    close() {},
  };
}

/** The owner record, which is plain, says whose a conversation is, and a file's record whose that is. */
function createTenantOf({ jsm, options: { shards } }: SealingDeps, opened: () => PatientLookups) {
  return async (scope: string): Promise<string | undefined> => {
    const [kind, conversation = ""] = scope.split(":");
    if (kind === "f") {
      const found = await opened().lookUp(streams.files, { last_by_subj: subjects.file(conversation) });
      return found === null ? undefined : FileRecord.safeParse(parseStored(found.data)).data?.tenant;
    }
    if (kind !== "c") return undefined;
    const shard = shardOf(conversation, shards);
    const found = await jsm.lookUp(streams.log(shard), { last_by_subj: subjects.owner(shard, conversation) });
    return found === null ? undefined : OwnerRecord.safeParse(parseStored(found.data)).data?.tenant;
  };
}

/** Forgets keys that were erased elsewhere. What was said without a connection nobody has heard. */
function followErasures({ link, log }: SealingDeps, keys: DataKeys): () => void {
  const subscription = link.nc.subscribe(subjects.allKeysGone, {
    callback: (error, message) => {
      if (error === null) keys.forgetHash(message.subject.split(".").at(-1) ?? "");
      else log.error({ err: error }, "erased keys are forgotten late: the user in NATS_URL lacks a right");
    },
  });
  const stops = [link.onDisconnect(keys.forgetAll), link.onReconnect(keys.forgetAll)];
  return () => {
    subscription.unsubscribe();
    for (const stop of stops) stop();
  };
}

/** Between what is written and read and the broker: seals the one and opens the other, where there are keys. */
export function createSealing(deps: SealingDeps, encryption: Encryption | undefined): Sealing {
  if (encryption === undefined) return createKeyless(deps);
  const { link, jsm, manager, appender, options, log } = deps;
  const { masters, seals, mayMakeKeys } = encryption;
  const mayMake = mayMakeKeys === "all" ? () => true : isOfTool;
  const setUp = (): Promise<void> => setUpKeys(manager, options);
  const stream = createKeyStream({ jsm, append: appender.append, setUp });
  const onMade = (scope: string, tenant: string | undefined): void => {
    const ofTenant = `t:${tenantToken(tenant)}`;
    if (scope.startsWith("c:") && keys.ready(ofTenant) === undefined)
      void keys.state(ofTenant, { makes: true, tenant });
  };
  const keys = createDataKeys({ stream, masters, mayMake, onMade, tenantOf: createTenantOf(deps, () => opened), log });
  const placeOf = createSealPlaces();
  const opening = createOpening({ keys, placeOf, log });
  const opened = createSealedLookups(jsm, opening);
  const stopFollowing = followErasures(deps, keys);
  const shred = async (scope: string): Promise<void> => {
    await keys.shred(scope);
    link.nc.publish(subjects.keyGone(hashOfScope(scope)));
    await link.nc.flush();
  };
  const texts = createSealedTexts({ keys, seals });
  const sealedPlaceOf = (subject: string): SealPlace | undefined => (seals ? placeOf(subject) : undefined);
  return {
    appender: createSealedAppender(appender, { keys, placeOf: sealedPlaceOf }),
    jsm: opened,
    opening,
    texts,
    ofFiles: { texts, shred },
    figures: { cached: keys.cached, keys: keys.counts, notOpened: opening.counts },
    setUp,
    prepare(conversation, tenant) {
      if (seals && mayMakeKeys === "all") void keys.state(`c:${conversation}`, { makes: true, tenant });
    },
    shredConversation: (conversation) => shred(`c:${conversation}`),
    shred,
    problems: () => [...masters.problems()],
    close() {
      stopFollowing();
      masters.close();
    },
  };
}
