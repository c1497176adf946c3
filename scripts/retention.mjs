import { runSourceCli } from "./setup/source-cli.mjs";

const usage = `Usage: npm run --silent retention -- [--dry-run [--list]] [--admin URL]

  Says how far the sweep of old conversations is; with --dry-run what it would delete, without deleting anything.

  --list         each conversation that would be deleted, or is held, one a line
  --admin URL    the admin port of an edge; default http://127.0.0.1:8001

  ADMIN_TOKEN: that of the edges, or a token of somebody with the right service:read.`;

await runSourceCli("retention/main.ts", usage);
