import { parseArgs } from "node:util";
import { z } from "zod";
import { header, lineOf } from "./usage-csv.ts";

const answerWithinMs = 60_000;

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `2h`, or a date. */
const Time = z.string().transform((text, context) => {
  const [, count, unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ms = count === undefined ? Date.parse(text) : Date.now() - Number(count) * (units[unit] ?? 0);
  if (Number.isFinite(ms)) return ms;
  context.addIssue({ code: "custom", message: "must be 30m, 2h, 7d or a date such as 2027-01-31" });
  return z.NEVER;
});

const Wanted = z.object({
  from: Time.optional(),
  to: Time.optional(),
  user: z.string().min(1).optional(),
  tenant: z.string().min(1).optional(),
  json: z.boolean().default(false),
  admin: z.url({ error: "must be an address" }).default("http://127.0.0.1:8001"),
});
type Wanted = z.infer<typeof Wanted>;

const Page = z.object({ records: z.array(z.record(z.string(), z.unknown())), next: z.number().optional() });
const Refusal = z.object({ error: z.string() });

function readArguments(args: readonly string[]): Wanted {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { from: text, to: text, user: text, tenant: text, admin: text, json: { type: "boolean" } },
  });
  const { data, error } = Wanted.safeParse(values);
  if (data !== undefined) return data;
  const [issue] = error.issues;
  throw new Error(`--${String(issue?.path[0])}: ${issue?.message}. (npm run usage -- --help says more)`);
}

async function ask(address: URL, token: string): Promise<z.infer<typeof Page>> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(address, { headers, signal: AbortSignal.timeout(answerWithinMs) }).catch((cause) => {
    throw new Error(`The admin port at ${address.origin} cannot be reached.`, { cause });
  });
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) return Page.parse(body);
  throw new Error(Refusal.safeParse(body).data?.error ?? `The admin port answered with status ${response.status}.`);
}

/** A page at a time: a year of them need not fit into memory. */
async function write({ admin, from, to, user, tenant, json }: Wanted, token: string): Promise<void> {
  if (!json) process.stdout.write(`${header}\r\n`);
  let after: number | undefined;
  do {
    const address = new URL("/admin/usage-records", admin);
    const query = { after, since_ms: from, until_ms: to, user, tenant };
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) address.searchParams.set(name, String(value));
    const { records, next } = await ask(address, token);
    for (const record of records) process.stdout.write(json ? `${JSON.stringify(record)}\n` : `${lineOf(record)}\r\n`);
    after = next;
  } while (after !== undefined);
}

// `npm run usage | head`: the reader has gone.
process.stdout.on("error", () => process.exit());
try {
  const wanted = readArguments(process.argv.slice(2));
  const { ADMIN_TOKEN: token = "" } = process.env;
  if (token === "")
    throw new Error(
      "ADMIN_TOKEN is not set: start the edges with one (ADMIN_TOKEN=… npm start) and give the same one here.",
    );
  await write(wanted, token);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
