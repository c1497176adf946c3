import { runSourceCli } from "./setup/source-cli.mjs";

const usage = `Usage: npm run --silent usage -- [--from 2027-01-01] [--to 2027-02-01] [--user ID] [--tenant ID] [--json] [--admin URL]

  Prints what turns have used as a table (CSV), the oldest first: when the turn was accepted and ended, tenant, user, conversation, turn, purpose, agent, model, tokens, cost, whether it is estimated, and how it ended.

  --from TIME    by when a turn ended: 30m, 2h, 7d, or a date such as 2027-01-31
  --to TIME      only what ended before then
  --user ID      --tenant ID
  --json         one JSON object a line
  --admin URL    the admin port of an edge; default http://127.0.0.1:8001

  ADMIN_TOKEN: that of the edges, or a token of somebody with the right service:usage.`;

// `npm run usage | head`: the reader has gone.
process.stdout.on("error", () => process.exit());

await runSourceCli("usage/main.ts", usage);
