import { z } from "zod";
import { httpAddress, optionalText, secret } from "./config-fields.ts";

/** Settings of all processes that read or write what people say. None of them set: nothing is encrypted. */
export function encryptionFields() {
  return {
    ENCRYPTION_KEYS_FILE: optionalText().describe(
      "Master keys for encryption at rest, YAML (docs/encryption.md). Read again when it changes. None of these set: nothing is encrypted.",
    ),
    ENCRYPTION_KEY: secret()
      .optional()
      .describe("One master key instead of the file: 32 bytes in base64 (`openssl rand -base64 32`)."),
    ENCRYPTION_KMS_URL: httpAddress().describe(
      "A service that keeps the master keys: the HTTP API of the transit engine of Vault or OpenBao. Wraps new data keys; those of the file are opened as before.",
    ),
    ENCRYPTION_KMS_TOKEN: secret().optional().describe("Its token."),
    ENCRYPTION_KMS_TOKEN_FILE: optionalText().describe("A file with its token, read each time: agents renew it."),
    ENCRYPTION_KMS_MOUNT: optionalText().describe("Where its engine is mounted. Default: `transit`."),
    ENCRYPTION_KMS_KEY_NAME: optionalText().describe(
      "Name of its key; `{tenant}` in it stands for the tenant's id, or `default`. Default: `parley`.",
    ),
    ENCRYPTION: z
      .enum(["on", "read"], { error: "must be on or read" })
      .optional()
      .describe(
        "`on` where there is a master key; set without one, no process starts. `read`: what is new is stored as it is, what was encrypted is read: the way to turn it off again.",
      ),
  };
}
