import { createHash, randomBytes } from "node:crypto";
import { conversationOf, type Bus, type Mention } from "@parley/bus";
import { ChatError, ErasureCounts, ErasureRecord, type ErasureStep } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Counts, EraseBelongings } from "./erase-belongings.ts";
import { heldByLaw } from "../holds/held.ts";
import { HeldError, type createEraseConversation } from "./erase-conversation.ts";

export interface ErasureDeps {
  readonly bus: Pick<Bus, "audit" | "clock" | "erasing" | "eventWindowMs" | "owners" | "people" | "privacy">;
  readonly eraseConversation: ReturnType<typeof createEraseConversation>;
  readonly eraseBelongings: EraseBelongings;
  /** What they came in with until then is bad. Absent: nothing can be revoked here. */
  readonly expel: ((user: string, beforeMs: number) => Promise<void>) | undefined;
  readonly log: Logger;
}

export interface ErasureWish {
  readonly user: string;
  readonly tenant: string | undefined;
  readonly by: "user" | "operator";
}

/** While it is under way nobody comes in under their name: what they did meanwhile would be left. */
const shutForMs = 7 * 86_400_000;
/** Edges know within a second of what was revoked. */
const shutWithinMs = 1_500;
/** Finds what was under way when the one before looked. */
const maxPasses = 4;
/** Each look reads all that is kept of everybody: so often in an event window while nothing of them is left but events, and so often while something is held or cannot be reached. */
const looksWhileEvents = 12;
const looksWhileStuck = 60;

export type Erasures = ReturnType<typeof createErasures>;

/**
 * Erasing somebody everywhere (docs/adr/0032): a record says how far it is, and each step can be repeated, so whoever has the work goes on where another one died. It is done when a look at everything that is kept finds
 * nothing of them, and the events of then are forgotten.
 */
export function createErasures(deps: ErasureDeps) {
  const { privacy, eventWindowMs } = deps.bus;
  const rests = createRests();
  return {
    /** Asks for it; again says how far it is. Throws CONFLICT where they are held. */
    ask: (wish: ErasureWish): Promise<ErasureRecord> => askFor(deps, wish),

    /** By its id; undefined: there is none. */
    find: privacy.erasureBy,

    all: privacy.erasures,
    open: privacy.openErasures,

    /** Up to when somebody was erased, by the receipts of now. */
    async erasedAt(): Promise<(user: string) => number | undefined> {
      const { ofUser, ofId } = privacy.erasureKey;
      const done = new Map((await privacy.erasures()).map(({ erasure_id, done_at }) => [ofId(erasure_id), done_at]));
      return (user) => (done.size === 0 ? undefined : done.get(ofUser(user)));
    },

    /** Goes on with it, as far as it goes now. Never throws: what fails is noted, and tried again. */
    async run(record: ErasureRecord, signal: AbortSignal): Promise<void> {
      const { erasure_id } = record;
      if (rests.isResting(erasure_id)) return;
      try {
        const leftMs = await goOn(deps, record, signal);
        rests.take(erasure_id, Math.min(leftMs, eventWindowMs / looksWhileEvents));
      } catch (err) {
        if (signal.aborted) return;
        rests.take(erasure_id, eventWindowMs / looksWhileStuck);
        const isHeld = err instanceof HeldError;
        if (!isHeld) deps.log.warn({ err, erasure: erasure_id }, "an erasure could not go on yet");
        await note(deps, record, {
          state: isHeld ? "held" : "running",
          note: isHeld ? "A legal hold keeps something of them." : "Something could not be reached. It is tried again.",
        }).catch(() => {});
      }
    },
  };
}

/** Until when there is nothing to be done for an erasure, as far as this process knows. */
function createRests() {
  const untilMs = new Map<string, number>();
  return {
    isResting: (id: string): boolean => performance.now() < (untilMs.get(id) ?? 0),
    take(id: string, restMs: number): void {
      for (const [one, until] of untilMs) if (until < performance.now()) untilMs.delete(one);
      untilMs.set(id, performance.now() + restMs);
    },
  };
}

async function askFor(deps: ErasureDeps, { user, tenant, by }: ErasureWish): Promise<ErasureRecord> {
  const { privacy, clock } = deps.bus;
  const hold = await privacy.heldBy({ users: [user], tenant });
  if (hold !== undefined) throw heldByLaw();
  const now = await clock.nowMs();
  const record = await privacy.changeErasure(user, (last) => {
    if (last !== undefined && last.state !== "done") {
      const tenants = last.person?.tenants ?? [];
      if (tenant === undefined || tenants.includes(tenant)) return undefined;
      return { ...last, person: { user, tenants: [...tenants, tenant] }, ts: now };
    }
    return {
      ...{ v: 1, kind: "erasure", state: "running", step: "doors", asked_by: by, counts: {} },
      erasure_id: privacy.erasureIdOf(user),
      pseudonym: `erased_${randomBytes(9).toString("base64url")}`,
      person: { user, tenants: tenant === undefined ? [] : [tenant] },
      ...{ asked_at: now, touched_at: now, ts: now },
    };
  });
  if (record === undefined) throw new ChatError("OVERLOADED");
  // Now, whoever has the work and whatever it is at: that one does it again.
  await deps
    .expel?.(user, now + shutForMs)
    .catch((err: unknown) => deps.log.warn({ err }, "who is to be erased could not be kept out yet"));
  return record;
}

type Person = NonNullable<ErasureRecord["person"]> & { readonly pseudonym: string; readonly id: string };

function personIn({ person, pseudonym, erasure_id: id }: ErasureRecord): Person | undefined {
  return person === undefined || pseudonym === undefined ? undefined : { ...person, pseudonym, id };
}

/** Stores what is new of it, unless it is done, or another one by now. */
async function note(
  { bus: { privacy, clock } }: ErasureDeps,
  record: ErasureRecord,
  more: Partial<ErasureRecord>,
): Promise<ErasureRecord> {
  const user = record.person?.user ?? "";
  const ts = await clock.nowMs();
  const stored = await privacy.changeErasure(user, (last) => {
    if (last === undefined || last.erasure_id !== record.erasure_id || last.state === "done") return undefined;
    const { note: _note, ...rest } = last;
    return { ...rest, ...more, ts };
  });
  return stored ?? record;
}

/** Returns after how long there is something to be done again, at the latest, ms. */
async function goOn(deps: ErasureDeps, asked: ErasureRecord, signal: AbortSignal): Promise<number> {
  const person = personIn(asked);
  if (person === undefined || asked.state === "done") return Infinity;
  const { clock, eventWindowMs } = deps.bus;
  await checkFree(deps, person.user);
  await deps.expel?.(person.user, (await clock.nowMs()) + shutForMs);
  let record = await note(deps, asked, { state: "running", step: "conversations" });
  // Edges that have not heard yet let them write on for so long.
  if (record.touched_at + shutWithinMs > (await clock.nowMs())) await pause(shutWithinMs, signal);
  const isClean = await pass(deps, record, signal);
  record = (await current(deps, record)) ?? record;
  if (!isClean) return 0;
  // The events of what has gone may be shown until they are forgotten.
  const leftMs = record.touched_at + eventWindowMs - (await clock.nowMs());
  if (leftMs > 0) {
    await note(deps, record, { step: "events" });
    return leftMs;
  }
  await finish(deps, record, person);
  return Infinity;
}

async function checkFree({ bus: { privacy } }: ErasureDeps, user: string): Promise<void> {
  if ((await privacy.heldBy({ users: [user] })) !== undefined) throw new HeldError("the person is held");
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

function current({ bus: { privacy } }: ErasureDeps, { person }: ErasureRecord): Promise<ErasureRecord | undefined> {
  return privacy.erasureOf(person?.user ?? "");
}

/** Takes out what is found, until nothing is. False: there was still something the last time. Throws what kept something from going, when all else has gone. */
async function pass(deps: ErasureDeps, record: ErasureRecord, signal: AbortSignal): Promise<boolean> {
  for (let passes = 0; passes < maxPasses; passes++) {
    const { counts, stuck } = await takeOutAll(deps, record, signal);
    const found = Object.values(counts).reduce((sum, one) => sum + one, 0);
    if (found > 0) {
      await note(deps, record, {
        step: "belongings",
        touched_at: await deps.bus.clock.nowMs(),
        counts: added((await current(deps, record))?.counts ?? {}, counts),
      });
    }
    if (stuck.length > 0) throw stuck.find((one) => !(one instanceof HeldError)) ?? stuck[0];
    if (found === 0) return true;
  }
  return false;
}

function added(one: ErasureCounts, other: Counts): ErasureCounts {
  const names = ErasureCounts.keyof().options;
  return ErasureCounts.parse(Object.fromEntries(names.map((name) => [name, (one[name] ?? 0) + (other[name] ?? 0)])));
}

interface TakenOut {
  readonly counts: Counts;
  /** What could not go, and is to be tried again. */
  readonly stuck: readonly unknown[];
}

async function takeOutAll(deps: ErasureDeps, record: ErasureRecord, signal: AbortSignal): Promise<TakenOut> {
  const now = (await current(deps, record)) ?? record;
  const person = personIn(now);
  if (person === undefined) return { counts: {}, stuck: [] };
  const { user } = person;
  const { bus, eraseConversation, eraseBelongings } = deps;
  const byConversation = grouped(await bus.erasing.inConversations(user, signal));
  const tenants = new Set([...person.tenants, ...(await eraseBelongings.tenantsOf(user))]);
  const stuck = new Map<string, unknown>();
  let conversations = 0;
  for (const [conversation, mentions] of byConversation) {
    signal.throwIfAborted();
    try {
      const owner = await bus.owners.ownerOf(conversation);
      // Whoever has a part in it is of its tenant.
      if (owner?.tenant !== undefined) tenants.add(owner.tenant);
      conversations += await eraseConversation(conversation, mentions, person);
    } catch (err) {
      // What is held, or does not end, keeps nothing of what is elsewhere.
      stuck.set(conversation, err);
    }
  }
  if (tenants.size > person.tenants.length) await note(deps, now, { person: { user, tenants: [...tenants] } });
  await checkFree(deps, user);
  const isStuck = (conversation: string): boolean => stuck.has(conversation);
  const { counts, heldTenants } = await eraseBelongings.erase({ ...person, tenants: [...tenants], isStuck });
  const held = heldTenants.map((tenant) => new HeldError(`tenant ${tenant} is held`));
  return { counts: { conversations, ...counts }, stuck: [...stuck.values(), ...held] };
}

function grouped(mentions: readonly Mention[]): ReadonlyMap<string, Mention[]> {
  const groups = new Map<string, Mention[]>();
  for (const mention of mentions) {
    const conversation = conversationOf(mention);
    groups.set(conversation, [...(groups.get(conversation) ?? []), mention]);
  }
  return groups;
}

/** The receipt names nobody; whoever knows the id finds it by its hash. */
async function finish(deps: ErasureDeps, record: ErasureRecord, { user }: Person): Promise<void> {
  const done_at = await deps.bus.clock.nowMs();
  const { erasure_id, asked_by, asked_at, counts } = record;
  const person = createHash("sha256")
    .update(JSON.stringify([user]))
    .digest("base64url");
  // Before the record is without a name: killed in between, it is written once more, under the same id.
  const on = { erasure_id, person, asked_by, asked_at, counts };
  const isAudited = await deps.bus.audit.write(
    { v: 1, kind: "admin", writer: "erasure", action: "erased", on },
    `erased.${erasure_id}`,
  );
  if (!isAudited) throw new Error("the audit log takes no entry");
  // From now on the same name is somebody new.
  await deps.expel?.(user, done_at);
  await deps.bus.privacy.changeErasure(user, (last) => {
    if (last === undefined || last.erasure_id !== erasure_id) return undefined;
    const { person: _person, pseudonym: _pseudonym, note: _note, ...rest } = last;
    const step: ErasureStep = "done";
    return ErasureRecord.parse({ ...rest, state: "done", step, done_at, ts: done_at });
  });
}
