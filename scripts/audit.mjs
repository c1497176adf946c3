import { runSourceCli } from "./setup/source-cli.mjs";

const usage = `Usage: npm run audit -- [--user ID] [--tool NAME] [--conversation ID] [--kind KIND] [--since 2h] [--limit N] [--json]

  Prints the audit log, newest first: who asked, who agreed, what ran, what was refused, what operators did. Times are the broker's.

  --user ID          whose turn it was, who decided, or by whose word it ran
  --tool NAME        or the beginning of names with * behind it
  --conversation ID  --kind asked|begun|ended|refused|decided|admin
  --since TIME       30m, 2h, 7d, or a date such as 2027-01-31
  --limit N          entries at most; default 100
  --json             one entry a line

  NATS_URL and NATS_CA_FILE, NATS_CERT_FILE, NATS_KEY_FILE as for the services. With roles at the broker: the user auditor.`;

// `npm run audit | head`: the reader has gone.
process.stdout.on("error", () => process.exit());

await runSourceCli("audit/main.ts", usage);
