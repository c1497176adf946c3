import { runSourceCli } from "./setup/source-cli.mjs";

const usage = `Usage: NATS_URL=… npm run restore -- FOLDER [--keys FOLDER] [--replace]

  Puts a backup back into an empty NATS. Stop every edge and worker first.

  --keys FOLDER   where the keys of an encrypted deployment were put
  --replace       deletes the streams that are there and hold something

  Its earlier name, scripts/log-restore.mjs, means the same.`;

await runSourceCli("backup/main.ts", usage, ["restore"]);
