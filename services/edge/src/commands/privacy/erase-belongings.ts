import { forgetUserKeys, type Bus, type Erased, type NoticeQueue } from "@parley/bus";
import type { Erasure } from "@parley/protocol";
import type { Redis } from "../conversations/conversation-index.ts";

export interface BelongingsDeps {
  readonly bus: Pick<Bus, "documents" | "files" | "memories" | "noticeRecords" | "usage">;
  /** Undefined: there is none here. */
  readonly redis: Redis | undefined;
  readonly notices: Pick<NoticeQueue, "forget"> | undefined;
  /** Accounts elsewhere; undefined: nobody can connect one here. */
  readonly accounts: { readonly forgetAll: (owner: Owner) => Promise<number> } | undefined;
  /** Sign-ins at the page; undefined: nobody can sign in here. */
  readonly sessions: { readonly endAll: (user: string) => Promise<void> } | undefined;
  readonly policy: () => Erasure;
}

interface Owner {
  readonly user: { readonly id: string };
  readonly tenant?: string | undefined;
}

export interface Whose extends Erased {
  readonly tenants: readonly string[];
  /** Of the erasure. */
  readonly id: string;
}

export type Counts = Readonly<Record<string, number>>;

/**
 * Takes away what somebody has beside conversations, in every tenant of which they were; what is shared goes on without their name. Returns how much of each kind there was. Can be repeated; throws where a store does not
 * answer, and then it is tried again.
 */
export function createEraseBelongings(deps: BelongingsDeps) {
  const { bus, redis, notices, accounts, sessions, policy } = deps;
  return async (whose: Whose): Promise<Counts> => {
    const { user, tenants, id } = whose;
    const counts = { memories: 0, usage: 0, documents: 0, files: 0, accounts: 0, notices: 0 };
    for (const tenant of [undefined, ...tenants]) {
      counts.memories += await forgetMemory(bus, { user, tenant });
      counts.usage += await bus.usage.erase({ user, tenant, id });
      counts.documents += await releaseDocuments(bus, tenant, { ...whose, how: policy().documents });
      counts.files += await removeFiles(bus, { user, tenant });
      counts.accounts += (await accounts?.forgetAll({ user: { id: user }, tenant })) ?? 0;
    }
    await sessions?.endAll(user);
    if (await bus.noticeRecords.forget(user)) counts.notices++;
    counts.notices += (await notices?.forget(user)) ?? 0;
    if (redis !== undefined) await forgetUserKeys(redis, user);
    return counts;
  };
}

/** Also what tools have made for them, and what they gave to conversations of others. */
async function removeFiles(
  { files }: Pick<Bus, "files">,
  { user, tenant }: { readonly user: string; readonly tenant: string | undefined },
): Promise<number> {
  let count = 0;
  for await (const record of files.ofTenant(tenant))
    if (record.user === user && (await files.remove(record.file_id))) count++;
  return count;
}

async function forgetMemory(
  { memories }: Pick<Bus, "memories">,
  owner: { readonly user: string; readonly tenant: string | undefined },
): Promise<number> {
  const { facts } = await memories.of(owner);
  return (await memories.forget(owner)) ? Math.max(1, facts.length) : 0;
}

async function releaseDocuments(
  { documents }: Pick<Bus, "documents">,
  tenant: string | undefined,
  { user, pseudonym, how }: Erased & { readonly how: Erasure["documents"] },
): Promise<number> {
  if (how === "keep") return documents.rename(tenant, user, pseudonym);
  const own = (await documents.list(tenant)).documents.filter(({ by }) => by === user);
  for (const one of own) await documents.remove(tenant, one);
  return own.length;
}
