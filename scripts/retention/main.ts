import { parseArgs } from "node:util";
import { z } from "zod";

const answerWithinMs = 60_000;
const hourMs = 3_600_000;

const Found = z.object({
  conversation: z.string(),
  tenant: z.string().optional(),
  idleMs: z.number(),
  verdict: z.enum(["keep", "held", "remove"]),
});
const Counts = z.object({ looked: z.number(), removed: z.number(), held: z.number(), busy: z.number() });
const Page = z.object({
  found: z.array(Found),
  sweep: z
    .object({
      counts: Counts,
      last: z.object({ began_at: z.number(), ended_at: z.number(), counts: Counts }).optional(),
    })
    .optional(),
  next: z.string().optional(),
});
type Page = z.infer<typeof Page>;
const Refusal = z.object({ error: z.string() });

function readArguments(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      "dry-run": { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      admin: { type: "string", default: "http://127.0.0.1:8001" },
    },
  });
  if (!URL.canParse(values.admin))
    throw new Error("--admin: must be an address. (npm run retention -- --help says more)");
  return { ...values, isDry: values["dry-run"] };
}

async function ask(address: URL, token: string): Promise<Page> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(address, { headers, signal: AbortSignal.timeout(answerWithinMs) }).catch((cause) => {
    throw new Error(`The admin port at ${address.origin} cannot be reached.`, { cause });
  });
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) return Page.parse(body);
  throw new Error(Refusal.safeParse(body).data?.error ?? `The admin port answered with status ${response.status}.`);
}

const say = (text: string): unknown => process.stdout.write(`${text}\n`);

/** What the next round would do. Nothing is changed. */
async function dryRun(
  { admin, list }: { readonly admin: string; readonly list: boolean },
  token: string,
): Promise<void> {
  const sums = { keep: 0, held: 0, remove: 0 };
  let after: string | undefined = "0.0";
  while (after !== undefined) {
    const address = new URL("/admin/retention", admin);
    address.searchParams.set("after", after);
    address.searchParams.set("limit", "500");
    const { found, next }: Page = await ask(address, token);
    for (const { conversation, tenant = "-", idleMs, verdict } of found) {
      sums[verdict]++;
      if (list && verdict !== "keep") say(`${verdict}\t${tenant}\t${conversation}\t${(idleMs / hourMs).toFixed(1)} h`);
    }
    after = next;
  }
  say(`${sums.remove} would be deleted, ${sums.held} are old and held, ${sums.keep} are kept. Nothing was changed.`);
}

/** How far the sweep is. */
async function tell({ admin }: { readonly admin: string }, token: string): Promise<void> {
  const address = new URL("/admin/retention", admin);
  address.searchParams.set("limit", "1");
  const { sweep } = await ask(address, token);
  if (sweep?.last === undefined)
    return void say("No round of the sweep has ended yet, or no conversation has an age at which it is deleted.");
  const { began_at, ended_at, counts } = sweep.last;
  say(
    `The last round: ${new Date(began_at).toISOString()} to ${new Date(ended_at).toISOString()}, ${counts.looked} looked at, ${counts.removed} deleted, ${counts.held} held, ${counts.busy} left for the next one.`,
  );
  say(`This round so far: ${sweep.counts.looked} looked at, ${sweep.counts.removed} deleted.`);
}

// `npm run retention | head`: the reader has gone.
process.stdout.on("error", () => process.exit());
try {
  const wanted = readArguments(process.argv.slice(2));
  const token = process.env["ADMIN_TOKEN"];
  if (token === undefined || token === "")
    throw new Error("Set ADMIN_TOKEN: that of the edges, or a token with the right service:read.");
  await (wanted.isDry ? dryRun(wanted, token) : tell(wanted, token));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
