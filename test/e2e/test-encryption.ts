import { openEncryption, type Encryption } from "@parley/bus";
import { createLogger, encryptionFields, readConfig } from "@parley/runtime";
import { encryptionSettings } from "@parley/testkit";
import { z } from "zod";

/** For a bus of the test's own: the keys of the processes under test, with PARLEY_TEST_ENCRYPTION=1; else none. */
export function testEncryption(): Promise<{ encryption?: Encryption }> {
  const log = createLogger({ service: "test", level: "silent", format: "json" });
  return openEncryption(readConfig(z.object(encryptionFields()), encryptionSettings()), { mayMakeKeys: "all", log });
}
