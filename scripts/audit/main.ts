import { parseArgs } from "node:util";
import { auditMatcher, connectNats, natsAddress, openAuditReader, openEncryption, type AuditRecord } from "@parley/bus";
import { auditKinds } from "@parley/protocol";
import { brokerFields, createLogger, encryptionFields, readConfig, withDeadline } from "@parley/runtime";
import { z } from "zod";
import { auditTable } from "./audit-table.ts";

const connectWithinMs = 10_000;
const Config = z
  .object(brokerFields())
  .pick({ NATS_URL: true, NATS_CA_FILE: true, NATS_CERT_FILE: true, NATS_KEY_FILE: true })
  .extend(encryptionFields());

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `2h`, or a date. */
const Since = z.string().transform((text, context) => {
  const [, count, unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ms = count === undefined ? Date.parse(text) : Date.now() - Number(count) * (units[unit] ?? 0);
  if (Number.isFinite(ms)) return ms;
  context.addIssue({ code: "custom", message: "must be 30m, 2h, 7d or a date such as 2027-01-31" });
  return z.NEVER;
});

const Wanted = z.object({
  user: z.string().optional(),
  tool: z.string().optional(),
  conversation: z.string().optional(),
  kind: z.enum(auditKinds).optional(),
  since: Since.optional(),
  limit: z.coerce.number().int().min(1).max(100_000).default(100),
  json: z.boolean().default(false),
});

function readArguments(args: readonly string[]): z.infer<typeof Wanted> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ user: text, tool: text, conversation: text, kind: text, since: text, limit: text },
      json: { type: "boolean" },
    },
  });
  const { data, error } = Wanted.safeParse(values);
  if (data !== undefined) return data;
  const [issue] = error.issues;
  throw new Error(`--${String(issue?.path[0])}: ${issue?.message}. (npm run audit -- --help says more)`);
}

async function read(wanted: z.infer<typeof Wanted>): Promise<AuditRecord[]> {
  const log = createLogger({ service: "audit", level: "fatal", format: "pretty" });
  const config = readConfig(Config, process.env);
  const address = natsAddress(config);
  const { encryption } = await openEncryption(config, { mayMakeKeys: false, log });
  const link = await withDeadline(
    connectNats({ ...address, name: "audit", log }),
    connectWithinMs,
    "connecting to NATS",
  );
  const reader = await openAuditReader(link, { log, encryption });
  try {
    const records: AuditRecord[] = [];
    const { limit, since: sinceMs } = wanted;
    let before: number | undefined;
    do {
      const page = await reader.page({ limit: limit - records.length, before, sinceMs, matches: auditMatcher(wanted) });
      records.push(...page.records);
      before = page.before;
    } while (before !== undefined && records.length < limit);
    return records;
  } finally {
    reader.close();
    await link.nc.close();
  }
}

// `npm run audit | head`: the reader has gone.
process.stdout.on("error", () => process.exit());
try {
  const wanted = readArguments(process.argv.slice(2));
  const records = await read(wanted);
  const lines = wanted.json
    ? records.map(({ seq, storedMs, entry }) => JSON.stringify({ seq, at: new Date(storedMs).toISOString(), ...entry }))
    : auditTable(records);
  for (const line of lines) process.stdout.write(`${line}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
