import { openLiveFile, type Logger } from "@parley/runtime";
import { z } from "zod";
import { MasterKeyMissingError, unwrapSecret, wrapSecret, type MasterKeys } from "./master-keys.ts";

const masterBytes = 32;

/** 32 bytes in base64, as `openssl rand -base64 32` prints them. */
export const MasterKeyText = z
  .string()
  .trim()
  .transform((text) => Buffer.from(text, "base64"))
  .refine((key) => key.length === masterBytes, "must be 32 bytes in base64, as `openssl rand -base64 32` prints them");

const Id = z.string().regex(/^[\w.-]{1,64}$/, "must be 1 to 64 letters, digits, `_`, `.` or `-`");
const Keys = z.array(z.strictObject({ id: Id, key: MasterKeyText })).min(1, "must have a key");

/** The file of master keys. In each list the first one counts, and the others open what they have wrapped. */
const Lists = z.strictObject({ default: Keys.optional(), tenants: z.record(z.string(), Keys).default({}) });
type KeyringFile = z.output<typeof Lists>;

const KeyringFile = Lists.refine(
  ({ default: own, tenants }) => own !== undefined || Object.keys(tenants).length > 0,
  "must have keys",
).refine(
  (file) => new Set(idsIn(file)).size === idsIn(file).length,
  "must not have two keys of one id, whichever tenant they are of",
);

function idsIn({ default: own = [], tenants }: KeyringFile): string[] {
  return [own, ...Object.values(tenants)].flatMap((keys) => keys.map(({ id }) => id));
}

/** Master keys that this process holds itself. `current`: asked each time, as a file may have changed. */
function createKeyring(current: () => KeyringFile, others: Pick<MasterKeys, "problems" | "close">): MasterKeys {
  const keysOf = (tenant: string | undefined) => {
    const { default: own = [], tenants } = current();
    const ofTenant = tenant !== undefined && Object.hasOwn(tenants, tenant) ? tenants[tenant] : undefined;
    return ofTenant ?? own;
  };
  /** By id in all lists: a tenant that was given its own keys has data keys that the default one wrapped. */
  const keyOf = (id: string): Buffer | undefined => {
    const { default: own = [], tenants } = current();
    for (const keys of [own, ...Object.values(tenants)]) {
      const found = keys.find((one) => one.id === id);
      if (found !== undefined) return found.key;
    }
    return undefined;
  };
  return {
    ...others,
    async wrap(secret, place) {
      const [first] = keysOf(place.tenant);
      if (first === undefined) throw new MasterKeyMissingError("there is no default key, and none of this tenant");
      return { master: first.id, wrapped: wrapSecret(first.key, secret, place) };
    },
    async unwrap({ master, wrapped }, place) {
      const key = keyOf(master);
      return key && unwrapSecret(key, wrapped, place);
    },
    isCurrent: async ({ master }, { tenant }) => keysOf(tenant)[0]?.id === master,
  };
}

/** The keyring of a file, which is read again when it changes. Throws a StartError when it cannot be used. */
export async function openKeyring(file: string, log: Logger): Promise<MasterKeys> {
  const live = await openLiveFile({ file, what: "the master keys", schema: KeyringFile, isOptional: false, log });
  return createKeyring(live.current, { problems: live.problems, close: live.close });
}

/** The name of the one key that an environment can hold. */
const ownId = "env";

export function createKeyringOf(key: z.output<typeof MasterKeyText>): MasterKeys {
  const file: KeyringFile = { default: [{ id: ownId, key }], tenants: {} };
  return createKeyring(() => file, { problems: () => [], close() {} });
}
