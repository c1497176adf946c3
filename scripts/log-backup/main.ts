import { parseArgs } from "node:util";
import { connectNats, natsAddress, type BrokerLink } from "@parley/bus";
import { brokerFields, createLogger, DeadlineError, readConfig, withDeadline } from "@parley/runtime";
import { z } from "zod";
import { backUpLog } from "./backup.ts";
import type { Manifest } from "./manifest.ts";
import { restoreLog } from "./restore.ts";

const usage = [
  "Usage: node scripts/log-backup.mjs FOLDER            writes the log into a new folder",
  "       node scripts/log-restore.mjs FOLDER [--replace]  puts it back; --replace deletes the log that is there",
].join("\n");

const connectWithinMs = 10_000;

const Config = z
  .object(brokerFields())
  .pick({ NATS_URL: true, NATS_CA_FILE: true, NATS_CERT_FILE: true, NATS_KEY_FILE: true });

function readArguments(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { replace: { type: "boolean", default: false } },
  });
  const [command, folder, ...more] = positionals;
  if ((command !== "backup" && command !== "restore") || folder === undefined || more.length > 0)
    throw new Error(usage);
  if (command === "backup" && values.replace) throw new Error(usage);
  return { command, folder, replace: values.replace };
}

async function connect(address: ReturnType<typeof natsAddress>): Promise<BrokerLink> {
  const log = createLogger({ service: "log-backup", level: "fatal", format: "pretty" });
  try {
    return await withDeadline(connectNats({ ...address, name: "log-backup", log }), connectWithinMs, "connecting");
  } catch (cause) {
    if (cause instanceof DeadlineError)
      throw new Error(`No NATS server answers within ${connectWithinMs / 1_000} s: set NATS_URL.`, { cause });
    throw new Error(`NATS refuses the connection: ${cause instanceof Error ? cause.message : String(cause)}.`, {
      cause,
    });
  }
}

async function main(args: readonly string[]): Promise<void> {
  const { command, folder, replace } = readArguments(args);
  const { nc } = await connect(natsAddress(readConfig(Config, process.env)));
  try {
    const manifest = await (command === "backup" ? backUpLog(nc, folder) : restoreLog(nc, folder, { replace }));
    say(command === "backup" ? "backed up" : "restored", manifest);
  } finally {
    await nc.close();
  }
}

function say(what: string, { streams, made_at }: Manifest): void {
  for (const { stream, state } of streams) {
    const { messages, first_seq, last_seq } = state;
    process.stdout.write(`${stream} ${what}: ${messages} messages, sequence ${first_seq} to ${last_seq}\n`);
  }
  if (what === "restored") process.stdout.write(`They are as of ${made_at}.\n`);
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && error.code === "EEXIST"
    ? "This folder already holds a backup: name a new one."
    : error.message;
}

// The connection that could not be made would keep trying.
process.exit(
  await main(process.argv.slice(2)).then(
    () => 0,
    (error: unknown) => {
      process.stderr.write(`${sentenceOf(error)}\n`);
      return 1;
    },
  ),
);
