import { createHash } from "node:crypto";
import { UsageRecord, encodeJson, parseStored, streams, subjects, type Usage } from "@parley/protocol";
import { wholeStream } from "./direct-get.ts";
import type { Appender } from "./appender.ts";
import type { PatientLookups } from "./patient-lookups.ts";

/** In place of a user, in sums of which nobody can say whose they were. */
const nobody = "erased";

function token(name: string | undefined): string {
  return name === undefined ? "_" : createHash("sha256").update(name).digest("base64url");
}

interface Deps {
  readonly jsm: PatientLookups;
  readonly append: Appender["append"];
}

/**
 * What somebody's turns have used, as sums by day and model that name nobody: bills and the tenant's quotas need them (docs/data.md). The sums first, each once; then the records go. Returns how many. `id`: of the
 * erasure. Killed in between, the sums are there, and are not added again. Records of turns that end later are summed up by the next call, under a number of its own.
 */
export async function eraseUsage(
  deps: Deps,
  { user, tenant, id }: { readonly user: string; readonly tenant: string | undefined; readonly id: string },
): Promise<number> {
  const { jsm } = deps;
  const own = subjects.usage(token(tenant), token(user));
  const last = await jsm.lookUp(streams.usage, { last_by_subj: own });
  if (last === null) return 0;
  const upTo = last.seq;
  const sums = new Map<string, UsageRecord>();
  let records = 0;
  for (let seq = 1; seq <= upTo; records++) {
    const found = await jsm.lookUp(streams.usage, { seq, next_by_subj: own });
    if (found === null || found.seq > upTo) break;
    seq = found.seq + 1;
    const record = UsageRecord.safeParse(parseStored(found.data)).data;
    if (record !== undefined) addTo(sums, record, `${id}.${upTo}`);
  }
  await writeSums(deps, tenant, [...sums.values()]);
  await jsm.streams.purge(streams.usage, { filter: own, seq: upTo + 1 });
  return records;
}

/** By the subjects of their records: who asks knows nobody's tenants. */
export async function tenantsIn({ jsm }: Pick<Deps, "jsm">, user: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (let seq = 1; ;) {
    const record = await jsm.lookUp(streams.usage, { seq, next_by_subj: subjects.usage("*", token(user)) });
    if (record === null) return found;
    seq = record.seq + 1;
    const { tenant } = UsageRecord.safeParse(parseStored(record.data)).data ?? {};
    if (tenant !== undefined) found.add(tenant);
  }
}

function addTo(sums: Map<string, UsageRecord>, record: UsageRecord, batch: string): void {
  const { agent, model, purpose, status, at } = record;
  const day = new Date(at).toISOString().slice(0, 10);
  const key = JSON.stringify([day, agent, model, purpose, status, record.usage.cost?.currency]);
  const before = sums.get(key);
  const names = { conversation_id: nobody, turn_id: nobody, user: nobody };
  if (before === undefined) sums.set(key, { ...record, ...names, id: `${batch}.${sums.size}` });
  else
    sums.set(key, {
      ...before,
      ended_at: Math.max(before.ended_at, record.ended_at),
      usage: plus(before.usage, record.usage),
    });
}

function plus(one: Usage, other: Usage): Usage {
  const cached = (one.cached_tokens ?? 0) + (other.cached_tokens ?? 0);
  const cost = one.cost && other.cost && { ...one.cost, micros: one.cost.micros + other.cost.micros };
  return {
    input_tokens: one.input_tokens + other.input_tokens,
    output_tokens: one.output_tokens + other.output_tokens,
    ...(one.estimated === true || other.estimated === true ? { estimated: true } : {}),
    ...(cached > 0 ? { cached_tokens: cached } : {}),
    ...(cost ? { cost } : {}),
  };
}

/** Those that are there from an earlier try are not written again: their ids are the same. */
async function writeSums(
  { jsm, append }: Deps,
  tenant: string | undefined,
  sums: readonly UsageRecord[],
): Promise<void> {
  // No hash is so short.
  const subject = subjects.usage(token(tenant), nobody);
  const known = new Set<string>();
  const end = (await jsm.lookUp(streams.usage, { last_by_subj: wholeStream }))?.seq ?? 0;
  for (let seq = 1; seq <= end;) {
    const found = await jsm.lookUp(streams.usage, { seq, next_by_subj: subject });
    if (found === null) break;
    seq = found.seq + 1;
    const record = UsageRecord.safeParse(parseStored(found.data)).data;
    if (record !== undefined) known.add(record.id);
  }
  for (const sum of sums) {
    if (known.has(sum.id)) continue;
    const result = await append({ subject, data: encodeJson(sum), msgId: `usage.${sum.id}` });
    if (result.kind !== "stored") throw new Error(`a sum of what was used could not be stored: ${result.kind}`);
  }
}
