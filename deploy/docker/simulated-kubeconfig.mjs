import { readFile, rename, writeFile } from "node:fs/promises";

// The simulated cluster writes how to reach it from its own machine. Other containers reach it by name, with the certificate for "localhost".
const [from, to, server] = process.argv.slice(2);
const config = JSON.parse(await readFile(from, "utf8"));
for (const { cluster } of config.clusters) Object.assign(cluster, { server, "tls-server-name": "localhost" });
await writeFile(`${to}.tmp`, `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 });
await rename(`${to}.tmp`, to);
