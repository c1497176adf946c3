import { parseArgs } from "node:util";
import { z } from "zod";
import { csvOf, type Row } from "./feedback-csv.ts";

const answerWithinMs = 60_000;

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
  since: Since.optional(),
  rating: z.enum(["up", "down"], { error: "must be up or down" }).optional(),
  texts: z.boolean().default(false),
  csv: z.boolean().default(false),
  admin: z.url({ error: "must be an address" }).default("http://127.0.0.1:8001"),
});
type Wanted = z.infer<typeof Wanted>;

const Page = z.object({ feedback: z.array(z.looseObject({ at: z.string() })), next: z.string().optional() });
const Refusal = z.object({ error: z.string() });

function readArguments(args: readonly string[]): Wanted {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { since: text, rating: text, admin: text, texts: flag, csv: flag },
  });
  const { data, error } = Wanted.safeParse(values);
  if (data !== undefined) return data;
  const [issue] = error.issues;
  throw new Error(`--${String(issue?.path[0])}: ${issue?.message}. (npm run feedback -- --help says more)`);
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

async function read({ admin, since, rating, texts }: Wanted, token: string): Promise<Row[]> {
  const rows: (Row & { readonly at: string })[] = [];
  let after: string | undefined;
  do {
    const address = new URL("/admin/feedback", admin);
    const query = { after, rating, since_ms: since?.toString(), texts: texts ? "1" : undefined };
    for (const [name, value] of Object.entries(query)) if (value !== undefined) address.searchParams.set(name, value);
    const page = await ask(address, token);
    rows.push(...page.feedback);
    after = page.next;
  } while (after !== undefined);
  return rows.toSorted((one, other) => (one.at < other.at ? -1 : 1));
}

// `npm run feedback | head`: the reader has gone.
process.stdout.on("error", () => process.exit());
try {
  const wanted = readArguments(process.argv.slice(2));
  const { ADMIN_TOKEN: token = "" } = process.env;
  if (token === "")
    throw new Error(
      "ADMIN_TOKEN is not set: start the edges with one (ADMIN_TOKEN=… npm start) and give the same one here.",
    );
  const rows = await read(wanted, token);
  const lines = wanted.csv ? csvOf(rows) : rows.map((row) => JSON.stringify(row));
  for (const line of lines) process.stdout.write(wanted.csv ? `${line}\r\n` : `${line}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
