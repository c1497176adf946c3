import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { rewrap, status } from "./master-keys.ts";
import { makeKey, withEntry } from "./new-key.ts";
import { vapidSettings } from "./vapid-pair.ts";

const usage =
  "Usage: npm run keys -- create --name NAME --user USER --scopes LIST | vapid | rewrap | status (--help says more)";

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function listOf(text: string | undefined): string[] {
  return (text ?? "").split(/[\s,]+/).filter((one) => one !== "");
}

function create(args: readonly string[]): void {
  const text = { type: "string" } as const;
  const options = { name: text, user: text, scopes: text, roles: text, tenant: text, expires: text, addresses: text };
  const { values } = parseArgs({ args: [...args], options: { ...options, append: text } });
  const { name, user, tenant, expires, append } = values;
  if (name === undefined || user === undefined || values.scopes === undefined) throw new Error(usage);
  const [scopes, roles, addresses] = [values.scopes, values.roles, values.addresses].map(listOf);
  const made = makeKey(
    { name, user, scopes: scopes ?? [], roles: roles ?? [], tenant, expires, addresses: addresses ?? [] },
    new Date(),
  );
  // Also without a file: an entry that no edge would take is told now.
  const before = append !== undefined && existsSync(append) ? readFileSync(append, "utf8") : "";
  const whole = withEntry(append ?? "the entry", before, made.entry);
  if (append !== undefined) writeFileSync(append, whole);
  say(`The key, which is not kept anywhere and cannot be shown again:\n\n  ${made.key}\n`);
  say(
    append === undefined ? "Its entry, for the list `keys` of the file:\n" : `Its entry, which is now in ${append}:\n`,
  );
  say(made.entry);
}

// `npm run keys -- status | head`: whoever reads has enough.
process.stdout.on("error", () => process.exit());

try {
  const [command, ...args] = process.argv.slice(2);
  if (command === "vapid") say(vapidSettings());
  else if (command === "create") create(args);
  else if (command === "rewrap" && args.length === 0) await rewrap();
  else if (command === "status" && args.length === 0) await status();
  else throw new Error(usage);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
