import { forgetUserKeys, type Bus, type Erased, type NoticeQueue } from "@parley/bus";
import type { ConversationId, Erasure } from "@parley/protocol";
import type { Redis } from "../conversations/conversation-index.ts";

export interface BelongingsDeps {
  readonly bus: Pick<Bus, "documents" | "files" | "memories" | "noticeRecords" | "privacy" | "usage">;
  /** Undefined: there is none here. */
  readonly redis: Redis | undefined;
  /** Those undefined: there are none here. */
  readonly notices: readonly (Pick<NoticeQueue, "forget"> | undefined)[];
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
  /** Whether a conversation could not be looked through, or is held: what is in it stays. */
  readonly isStuck: (conversation: ConversationId) => boolean;
}

export type Counts = Readonly<Record<string, number>>;

export type EraseBelongings = ReturnType<typeof createEraseBelongings>;

/** What somebody has beside conversations, in every tenant of which they were. */
export function createEraseBelongings(deps: BelongingsDeps) {
  const { bus, redis, notices, sessions } = deps;
  return {
    /** Where they have something, also those of which nobody said that they are of them. */
    async tenantsOf(user: string): Promise<ReadonlySet<string>> {
      const found = new Set(await bus.usage.tenantsOf(user));
      for await (const { tenant } of bus.files.everyOf(user)) if (tenant !== undefined) found.add(tenant);
      return found;
    },

    /**
     * Takes it away; what is shared goes on without their name. Nothing of a tenant that is held. Returns how much of each kind there was. Can be repeated; throws where a store does not
     * answer, and then it is tried again.
     */
    async erase(whose: Whose): Promise<{ readonly counts: Counts; readonly heldTenants: readonly string[] }> {
      const { user, tenants } = whose;
      const heldTenants: string[] = [];
      const counts = { memories: 0, usage: 0, documents: 0, files: 0, accounts: 0, notices: 0 };
      for (const tenant of [undefined, ...tenants]) {
        if (tenant !== undefined && (await bus.privacy.heldBy({ tenant })) !== undefined) heldTenants.push(tenant);
        else await eraseIn(deps, whose, { tenant, counts });
      }
      counts.files += await removeFiles(bus, whose, heldTenants);
      await sessions?.endAll(user);
      if (await bus.noticeRecords.forget(user)) counts.notices++;
      for (const queue of notices) counts.notices += (await queue?.forget(user)) ?? 0;
      if (redis !== undefined) await forgetUserKeys(redis, user);
      return { counts, heldTenants };
    },
  };
}

interface Erasing {
  readonly tenant: string | undefined;
  readonly counts: Record<"memories" | "usage" | "documents" | "accounts", number>;
}

async function eraseIn({ bus, accounts, policy }: BelongingsDeps, whose: Whose, { tenant, counts }: Erasing) {
  const { user, id } = whose;
  counts.memories += await forgetMemory(bus, { user, tenant });
  counts.usage += await bus.usage.erase({ user, tenant, id });
  counts.documents += await releaseDocuments(bus, tenant, { ...whose, how: policy().documents });
  counts.accounts += (await accounts?.forgetAll({ user: { id: user }, tenant })) ?? 0;
}

/** Also what tools have made for them, and what they gave to conversations of others. */
async function removeFiles(
  { files, privacy }: Pick<Bus, "files" | "privacy">,
  { user, isStuck }: Whose,
  heldTenants: readonly string[],
): Promise<number> {
  let count = 0;
  for await (const { file_id, tenant, conversation_id } of files.everyOf(user)) {
    if (tenant !== undefined && heldTenants.includes(tenant)) continue;
    if (conversation_id !== undefined) {
      if (isStuck(conversation_id)) continue;
      if ((await privacy.heldBy({ conversation: conversation_id })) !== undefined) continue;
    }
    if (await files.remove(file_id)) count++;
  }
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
