import { parseYaml } from "@parley/runtime";
import { createApiKey, hashOfApiKey } from "../../services/edge/src/admission/api-key.ts";
import { ApiKeysFile } from "../../services/edge/src/admission/api-keys-file.ts";

export interface NewKey {
  readonly name: string;
  readonly user: string;
  readonly scopes: readonly string[];
  readonly roles?: readonly string[];
  readonly tenant?: string | undefined;
  readonly expires?: string | undefined;
  readonly addresses?: readonly string[];
}

/** A new key and its entry, as lines of YAML. `now`: when it is made. */
export function makeKey({ name, user, scopes, roles = [], tenant, expires, addresses = [] }: NewKey, now: Date) {
  const key = createApiKey();
  const fields = [
    ["name", name],
    ["hash", hashOfApiKey(key)],
    ["user", user],
    ...(tenant === undefined ? [] : [["tenant", tenant]]),
    ...(roles.length === 0 ? [] : [["roles", roles]]),
    ["scopes", scopes],
    ["created", now.toISOString()],
    ...(expires === undefined ? [] : [["expires", expires]]),
    ...(addresses.length === 0 ? [] : [["addresses", addresses]]),
  ];
  // A text in JSON is one in YAML.
  const lines = fields.map(([field, value]) => `${String(field)}: ${JSON.stringify(value)}`);
  return { key, entry: lines.map((line, place) => `${place === 0 ? "  - " : "    "}${line}\n`).join("") };
}

const noKeys = /^keys:[ \t]*(?:\[\][ \t]*)?$/m;

/** The file with one more entry at its end. Throws an Error with every problem when it would be no file of keys any more. */
export function withEntry(file: string, text: string, entry: string): string {
  const begun = /^keys:/m.test(text) ? text.replace(noKeys, "keys:") : `${text}keys:\n`;
  const whole = `${begun.endsWith("\n") ? begun : `${begun}\n`}${entry}`;
  const parsed = parseYaml({ file, text: whole }, ApiKeysFile);
  if (!parsed.ok) throw new Error(parsed.problems.join("\n"));
  return whole;
}
