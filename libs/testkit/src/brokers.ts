import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import path from "node:path";
import { natsRefusals, natsUsers, redisRefusals, redisUsers } from "./broker-roles.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { type ProcessUnderTest, startProcess } from "./process-under-test.ts";
import { tempDir } from "./temp-dir.ts";
import { bareEnvironment, natsServerCommand, redisServerCommand, wantsRoles } from "./test-environment.ts";

const ANSWER_DEADLINE_MS = 1000;

/** A NATS or Redis of this test alone, on a free loopback port. `restart` keeps port and data. */
export type Broker = ProcessUnderTest & { readonly url: string; readonly port: number };

type BrokerOptions = {
  name: string;
  command: string;
  scheme: string;
  args: (port: number, dir: string) => string[];
  /** Given folder: stays afterwards. Else a temporary one. */
  dir: string | undefined;
  /** A file that is written there first. */
  config?: { name: string; text: (folder: string) => string };
  greeting: string;
  answer: RegExp;
  startDeadlineMs?: number | undefined;
  /** What its users were refused since it was started, when that can be known. */
  refusals?: (server: ProcessUnderTest, port: number) => Promise<string[]>;
};

/** Whether the server on that port, after `greeting`, answers with a line of this form. */
function answers(port: number, greeting: string, expected: RegExp): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const settle = (isExpected: boolean): void => {
      socket.destroy();
      resolve(isExpected);
    };
    socket.setTimeout(ANSWER_DEADLINE_MS, () => settle(false));
    socket.once("error", () => settle(false));
    socket.once("close", () => settle(false));
    socket.once("connect", () => socket.write(greeting));
    socket.once("data", (bytes) => settle(expected.test(bytes.toString("latin1"))));
  });
}

/** Nothing that is written in roles is refused to a process that does its work: it would be missing, or there would be a misuse. */
function requireNoRefusal(name: string, refusals: readonly string[]): void {
  if (refusals.length > 0) throw new Error(`${name} refused:\n${[...new Set(refusals)].join("\n")}`);
}

async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { scheme, dir, name } = options;
  const temporary = dir === undefined ? await tempDir() : undefined;
  const port = await freePort();
  const folder = dir ?? temporary?.path ?? "";
  try {
    const server = await startServer(options, folder, port);
    const killServer = server[Symbol.asyncDispose];
    const dispose = async (): Promise<void> => {
      const refusals = wantsRoles() && server.isRunning() ? ((await options.refusals?.(server, port)) ?? []) : [];
      await killServer();
      await temporary?.[Symbol.asyncDispose]();
      requireNoRefusal(name, refusals);
    };
    const own = { url: `${scheme}://127.0.0.1:${port}`, port, [Symbol.asyncDispose]: dispose };
    // Onto the server, not a spread of it: `pid` and `exited` speak of the process that runs now.
    return Object.assign(server, own);
  } catch (error) {
    await temporary?.[Symbol.asyncDispose]();
    throw error;
  }
}

async function startServer(options: BrokerOptions, folder: string, port: number): Promise<ProcessUnderTest> {
  const { name, command, args, config, greeting, answer, startDeadlineMs } = options;
  if (config !== undefined) await writeFile(path.join(folder, config.name), config.text(folder));
  return startProcess({
    name,
    command,
    args: args(port, folder),
    env: bareEnvironment(),
    cwd: folder,
    isReady: () => answers(port, greeting, answer),
    ...(startDeadlineMs === undefined ? {} : { startDeadlineMs }),
  });
}

export type NatsOptions = {
  /** Its data; kept afterwards. Default: a temporary folder. */
  dir?: string;
  /** More arguments of nats-server, e.g. `["-c", file]`. */
  args?: readonly string[];
  /** For one that has millions of messages to recover. Default: 25 s. */
  startDeadlineMs?: number;
};

/** A nats-server whose `max_payload` can be changed while it runs. */
export type NatsServer = Broker & {
  /** As an operator does: in its configuration, which it then reads again. Resolves when new connections are told so. */
  setMaxPayload(bytes: number): Promise<void>;
};

const NATS_CONFIG = "nats.conf";

/** The store stands here and not in an argument: else the server refuses to read its configuration again. */
function natsConfig(folder: string, more = ""): string {
  // It refuses streams whose limits add up to more than three quarters of the free disk.
  return `jetstream { store_dir: ${JSON.stringify(folder)}, max_file_store: 64GB }\n${natsUsers()}${more}`;
}

/** A nats-server with JetStream. */
export async function startNats({ dir, args = [], startDeadlineMs }: NatsOptions = {}): Promise<NatsServer> {
  const temporary = dir === undefined ? await tempDir() : undefined;
  const folder = dir ?? temporary?.path ?? "";
  try {
    const broker = await startNatsIn(folder, args, startDeadlineMs);
    const killServer = broker[Symbol.asyncDispose];
    return Object.assign(broker, {
      async setMaxPayload(bytes: number): Promise<void> {
        await writeFile(path.join(folder, NATS_CONFIG), natsConfig(folder, `max_payload: ${bytes}\n`));
        process.kill(broker.pid, "SIGHUP");
        const told = new RegExp(`"max_payload":${bytes}\\b`);
        await eventually(() => answers(broker.port, "", told), { what: `max_payload ${bytes}`, timeoutMs: 5_000 });
      },
      async [Symbol.asyncDispose](): Promise<void> {
        await killServer();
        await temporary?.[Symbol.asyncDispose]();
      },
    });
  } catch (error) {
    await temporary?.[Symbol.asyncDispose]();
    throw error;
  }
}

function startNatsIn(dir: string, args: readonly string[], startDeadlineMs: number | undefined): Promise<Broker> {
  // Its own configuration is the test's: it is started as the command line says.
  const hasConfig = args.includes("-c");
  return startBroker({
    name: "nats-server",
    command: natsServerCommand(),
    scheme: "nats",
    args: (port, folder) => {
      const network = ["-a", "127.0.0.1", "-p", String(port)];
      const store = hasConfig ? ["-js", "-sd", folder] : ["-c", path.join(folder, NATS_CONFIG)];
      return [...network, ...store, ...args];
    },
    config: { name: NATS_CONFIG, text: natsConfig },
    dir,
    startDeadlineMs,
    greeting: "",
    answer: /"jetstream":true/,
    ...(hasConfig ? {} : { refusals: async (server) => natsRefusals(server.output()) }),
  });
}

export type RedisOptions = {
  /** Its data; kept afterwards. Default: a temporary folder. */
  dir?: string;
  /** Whether it keeps its data over `restart`. Default: yes; no is a Redis that comes back empty. */
  persist?: boolean;
  /** More arguments of redis-server, e.g. those of TLS. */
  args?: readonly string[];
};

const REDIS_CONFIG = "redis.conf";

/** What it answers to these lines until it closes the connection; nothing when it does not answer. */
function redisAnswer(port: number, lines: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    let answer = "";
    socket.setTimeout(ANSWER_DEADLINE_MS, () => socket.destroy());
    socket.on("error", () => undefined).on("data", (bytes) => (answer += bytes.toString("latin1")));
    socket.once("close", () => resolve(answer)).once("connect", () => socket.write(lines));
  });
}

export function startRedis({ dir, persist = true, args = [] }: RedisOptions = {}): Promise<Broker> {
  // "always": what was acknowledged survives kill -9, so that a test sees our losses and not those of Redis.
  const persistence = persist ? ["--appendonly", "yes", "--appendfsync", "always"] : ["--appendonly", "no"];
  const network = (port: number): string[] => ["--bind", "127.0.0.1", "--port", String(port)];
  return startBroker({
    name: "redis-server",
    command: redisServerCommand(),
    scheme: "redis",
    args: (port, folder) => [
      path.join(folder, REDIS_CONFIG),
      ...network(port),
      ...["--dir", folder, "--save", "", "--maxmemory-policy", "noeviction"],
      ...persistence,
      ...args,
    ],
    config: { name: REDIS_CONFIG, text: redisUsers },
    dir,
    greeting: "PING\r\n",
    answer: /^\+PONG/,
    refusals: async (_, port) => redisRefusals(await redisAnswer(port, "ACL LOG\r\nQUIT\r\n")),
  });
}
