import { readFile } from "node:fs/promises";
import { encryptionFields, StartError, type Logger } from "@parley/runtime";
import { z } from "zod";
import { createKeyringOf, MasterKeyText, openKeyring } from "./keyring.ts";
import { joinMasterKeys, type MasterKeys } from "./master-keys.ts";
import { createTransitKeys } from "./transit-keys.ts";

/** How a process encrypts what it stores. */
export interface Encryption {
  readonly masters: MasterKeys;
  /** False: what is new is stored as it is; what was sealed is read all the same. */
  readonly seals: boolean;
  /** Which data keys the role of this process has the right to make. */
  readonly mayMakeKeys: "all" | "of tools' files";
}

const Settings = z.object(encryptionFields());
export type EncryptionSettings = z.output<typeof Settings>;

function transitOf(settings: EncryptionSettings, log: Logger): MasterKeys | undefined {
  const { ENCRYPTION_KMS_URL: url, ENCRYPTION_KMS_TOKEN: token, ENCRYPTION_KMS_TOKEN_FILE: file } = settings;
  if (url === undefined) return undefined;
  if (token === undefined && file === undefined)
    throw new StartError("ENCRYPTION_KMS_URL needs ENCRYPTION_KMS_TOKEN or ENCRYPTION_KMS_TOKEN_FILE.");
  const { ENCRYPTION_KMS_MOUNT: mount = "transit", ENCRYPTION_KMS_KEY_NAME: key = "parley" } = settings;
  const read = async (): Promise<string> => token ?? (await readFile(file ?? "", "utf8")).trim();
  return createTransitKeys({ url, token: read, mount, key, log });
}

/** Whoever has asked for encryption, and forgot the key, must not believe that there is any. */
function demandMaster(settings: EncryptionSettings): void {
  const { ENCRYPTION_KEYS_FILE: file, ENCRYPTION_KEY: key, ENCRYPTION_KMS_URL: url } = settings;
  if (file !== undefined || key !== undefined || url !== undefined) return;
  // A process gives all of its settings, and most are not of encryption.
  const name = Settings.keyof().options.find((one) => settings[one] !== undefined);
  if (name === undefined) return;
  const way = "ENCRYPTION_KEYS_FILE, ENCRYPTION_KEY or ENCRYPTION_KMS_URL";
  throw new StartError(`${name} is set, but there is no master key: set ${way}, or nothing is encrypted.`);
}

/** Undefined: none of the settings is set. Throws a StartError for what is wrong with them. */
export async function openMasterKeys(settings: EncryptionSettings, log: Logger): Promise<MasterKeys | undefined> {
  const { ENCRYPTION_KEYS_FILE: file, ENCRYPTION_KEY: text } = settings;
  const own = MasterKeyText.safeParse(text);
  if (text !== undefined && !own.success)
    throw new StartError("ENCRYPTION_KEY must be 32 bytes in base64, as `openssl rand -base64 32` prints them.");
  demandMaster(settings);
  const transit = transitOf(settings, log);
  const keyring = file === undefined ? undefined : await openKeyring(file, log);
  const all = [transit, keyring, own.success ? createKeyringOf(own.data) : undefined];
  const given = all.filter((one) => one !== undefined);
  return given.length === 0 ? undefined : joinMasterKeys(given);
}

/** The same as an option of `openBus`. */
export async function openEncryption(
  settings: EncryptionSettings,
  { mayMakeKeys, log }: Pick<Encryption, "mayMakeKeys"> & { readonly log: Logger },
): Promise<{ encryption?: Encryption }> {
  const masters = await openMasterKeys(settings, log);
  return masters === undefined ? {} : { encryption: { masters, seals: settings.ENCRYPTION !== "read", mayMakeKeys } };
}
