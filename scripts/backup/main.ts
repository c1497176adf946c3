import { parseArgs } from "node:util";
import { connectNats, createS3FileStore, fileFields, fileSettings, natsAddress, type BrokerLink } from "@parley/bus";
import { brokerFields, createLogger, DeadlineError, readConfig, withDeadline } from "@parley/runtime";
import { z } from "zod";
import { backUp } from "./backup.ts";
import { restore } from "./restore.ts";
import { createProgress, tableOf } from "./table.ts";
import { verify, verifyKeys } from "./verify.ts";

const usage = [
  "Usage: npm run backup -- FOLDER [--keys FOLDER]             writes everything into a new folder, keys into another one",
  "       npm run backup -- --verify FOLDER [--keys FOLDER]    checks the files of a backup; asks no broker",
  "       npm run restore -- FOLDER [--keys FOLDER] [--replace]  puts it back; --replace deletes what is there",
].join("\n");

const connectWithinMs = 10_000;

const Config = z
  .object(brokerFields())
  .pick({ NATS_URL: true, NATS_CA_FILE: true, NATS_CERT_FILE: true, NATS_KEY_FILE: true });

const Files = z.object(fileFields());

/** Where the bytes of files are, as edges are told; undefined: at the broker. */
function bucketOf(env: NodeJS.ProcessEnv) {
  const { store } = fileSettings(readConfig(Files, env));
  return store.kind === "s3" ? createS3FileStore(store) : undefined;
}

const options = {
  replace: { type: "boolean", default: false },
  verify: { type: "boolean", default: false },
  keys: { type: "string" },
} as const;

function readArguments(args: readonly string[]) {
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
  const [command, folder, ...more] = positionals;
  if ((command !== "backup" && command !== "restore") || folder === undefined || more.length > 0)
    throw new Error(usage);
  if (command === "backup" ? values.replace : values.verify) throw new Error(usage);
  return { command, folder, ...values };
}

type Wanted = ReturnType<typeof readArguments>;

async function connect(address: ReturnType<typeof natsAddress>): Promise<BrokerLink> {
  const log = createLogger({ service: "backup", level: "fatal", format: "pretty" });
  try {
    return await withDeadline(connectNats({ ...address, name: "backup", log }), connectWithinMs, "connecting");
  } catch (cause) {
    if (cause instanceof DeadlineError)
      throw new Error(`No NATS server answers within ${connectWithinMs / 1_000} s: set NATS_URL.`, { cause });
    const why = (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, "");
    throw new Error(`NATS refuses the connection: ${why}.`, { cause });
  }
}

const say = (text: string): unknown => process.stdout.write(text);

async function checkFiles({ folder, keys }: Wanted): Promise<void> {
  const manifest = await verify(folder);
  const apart = await verifyKeys(manifest, keys);
  say(tableOf("is whole", [...manifest.streams, ...(apart?.streams ?? [])]));
  say(`It was made at ${manifest.made_at}. Whether a system comes up with it only a restore can say.\n`);
}

async function backUpNow(nc: BrokerLink["nc"], { folder, keys }: Wanted): Promise<void> {
  const onProgress = createProgress(process.stderr);
  const done = await backUp(nc, folder, { keys, bucket: bucketOf(process.env), onProgress }).finally(onProgress.end);
  say(tableOf("backed up", [...done.manifest.streams, ...(done.keys?.streams ?? [])]));
  if (done.manifest.bucket !== undefined) say(`bytes of files backed up: ${done.manifest.bucket.objects} objects\n`);
  for (const { stream, why } of done.left) say(`${stream} left out: ${why}\n`);
}

async function restoreNow(nc: BrokerLink["nc"], { folder, keys, replace }: Wanted): Promise<void> {
  const onProgress = createProgress(process.stderr);
  const { manifest, keysMadeAt, restored, kept } = await restore(nc, folder, {
    ...{ keys, replace, bucket: bucketOf(process.env), onProgress },
  }).finally(onProgress.end);
  say(tableOf("restored", restored));
  if (manifest.bucket !== undefined) say(`bytes of files restored: ${manifest.bucket.objects} objects\n`);
  if (kept.length > 0) say(`Left as they are, because they hold something: ${kept.join(", ")}.\n`);
  say(`They are as of ${manifest.made_at}.\n`);
  if (keysMadeAt !== undefined && keysMadeAt !== manifest.made_at)
    say(`The keys are as of ${keysMadeAt}: what was deleted until then stays deleted.\n`);
  say("Empty Redis before Parley starts, unless it is new: what it has is of another log.\n");
}

async function main(args: readonly string[]): Promise<void> {
  const wanted = readArguments(args);
  if (wanted.verify) return checkFiles(wanted);
  const { nc } = await connect(natsAddress(readConfig(Config, process.env)));
  try {
    await (wanted.command === "backup" ? backUpNow(nc, wanted) : restoreNow(nc, wanted));
  } finally {
    await nc.close();
  }
}

/** Of errors that come from the system or the client of NATS, and say nothing to whoever makes a backup. */
const sentences: readonly (readonly [RegExp, string])[] = [
  [
    /^EEXIST/,
    "This folder already holds a backup, or a part of one that broke off: name a new one. One without backup.json is none, and can be deleted.",
  ],
  [
    /^(ENOSPC|EDQUOT|EFBIG)/,
    "There is no room for all of it on the disk of the backup: what was written is no backup, and can be deleted.",
  ],
  [/^no responders/, "This NATS server has no JetStream for the user of NATS_URL."],
  [
    /^Permissions Violation/i,
    "The user of NATS_URL may not do that: it takes $JS.API.STREAM.>, which with the roles of deploy/nats only `operator` has.",
  ],
];

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return sentences.find(([pattern]) => pattern.test(error.message))?.[1] ?? error.message;
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
