import { connectNats, natsAddress, openKeyTools, openMasterKeys, type BrokerLink, type KeyTools } from "@parley/bus";
import { brokerFields, createLogger, encryptionFields, readConfig, withDeadline } from "@parley/runtime";
import { z } from "zod";

/** What people do with the keys of encryption at rest (docs/encryption.md). */

const connectWithinMs = 10_000;
const Config = z
  .object(brokerFields())
  .pick({ NATS_URL: true, NATS_CA_FILE: true, NATS_CERT_FILE: true, NATS_KEY_FILE: true })
  .extend(encryptionFields());

const sayEvery = 1_000;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function withTools(work: (tools: KeyTools, config: z.output<typeof Config>) => Promise<void>): Promise<void> {
  const log = createLogger({ service: "keys", level: "fatal", format: "pretty" });
  const config = readConfig(Config, process.env);
  const link: BrokerLink = await withDeadline(
    connectNats({ ...natsAddress(config), name: "keys", log }),
    connectWithinMs,
    "connecting to NATS",
  );
  const tools = await openKeyTools(link, log);
  try {
    await work(tools, config);
  } finally {
    tools.close();
    await link.nc.close();
  }
}

/** Wraps what older master keys have wrapped by those that count now. */
export function rewrap(): Promise<void> {
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  process.once("SIGTERM", () => stop.abort());
  return withTools(async (tools, config) => {
    const log = createLogger({ service: "keys", level: "error", format: "pretty" });
    const masters = await openMasterKeys(config, log);
    if (masters === undefined)
      throw new Error("There are no master keys: set ENCRYPTION_KEYS_FILE as for the services.");
    const report = await tools.rewrap(masters, {
      signal: stop.signal,
      onKey: ({ looked, rewrapped }) => {
        if (looked % sayEvery === 0) say(`${looked} keys looked at, ${rewrapped} wrapped anew`);
      },
    });
    masters.close();
    // What was wrapped anew stands at the end of the stream, and was looked at once more there.
    const current = Math.max(0, report.current - report.rewrapped);
    say(`${report.rewrapped} data keys wrapped anew; ${current} already were by the master key that counts.`);
    if (report.changed > 0) say(`${report.changed} were changed by others meanwhile.`);
    for (const [master, keys] of report.failed) say(`${keys} are wrapped by "${master}", which is not known here.`);
    if (stop.signal.aborted) say("It was stopped before its end: begin it again, and it goes on.");
    if (report.failed.size > 0 || stop.signal.aborted) process.exitCode = 1;
  });
}

/** Which master keys are in use, and how much is encrypted. */
export function status(): Promise<void> {
  return withTools(async (tools) => {
    const { masters, erased } = await tools.keys();
    say("Data keys by master key:");
    for (const [master, keys] of masters) say(`  ${master}: ${keys}`);
    if (masters.size === 0) say("  none");
    say(`Erased: ${erased}`);
    say("Messages with words:");
    const all = await tools.messages(({ stream, sealed, plain }) =>
      say(`  ${stream}: ${sealed} sealed, ${plain} plain`),
    );
    const plain = all.reduce((sum, one) => sum + one.plain, 0);
    say(
      plain === 0
        ? "Nothing is plain."
        : `${plain} messages are still plain; marks of deletions, which have no words, are among them.`,
    );
  });
}
