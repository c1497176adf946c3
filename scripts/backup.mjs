import { runSourceCli } from "./setup/source-cli.mjs";

const usage = `Usage: NATS_URL=… npm run backup -- FOLDER [--keys FOLDER]
       npm run backup -- --verify FOLDER [--keys FOLDER]

  Writes everything that a restored system needs into a new folder, as the broker's own snapshots, while Parley runs.

  --keys FOLDER   where the keys of encrypted deployments go, apart from what they open
  --verify        checks the files of a backup against its manifest; needs no broker

  What is in it, and how to restore: docs/operations.md, "Back up and restore". Its earlier name, scripts/log-backup.mjs, means the same.`;

await runSourceCli("backup/main.ts", usage, ["backup"]);
