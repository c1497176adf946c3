import { connect } from "node:net";
import { freePort } from "./free-port.ts";
import { type ProcessUnderTest, startProcess } from "./process-under-test.ts";
import { tempDir } from "./temp-dir.ts";
import { bareEnvironment, natsServerCommand, redisServerCommand } from "./test-environment.ts";

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
  greeting: string;
  answer: RegExp;
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

async function startBroker({ name, command, scheme, args, dir, greeting, answer }: BrokerOptions): Promise<Broker> {
  const temporary = dir === undefined ? await tempDir() : undefined;
  const port = await freePort();
  const folder = dir ?? temporary?.path ?? "";
  const server = await startProcess({
    name,
    command,
    args: args(port, folder),
    env: bareEnvironment(),
    cwd: folder,
    isReady: () => answers(port, greeting, answer),
  });
  const killServer = server[Symbol.asyncDispose];
  const dispose = async (): Promise<void> => {
    await killServer();
    await temporary?.[Symbol.asyncDispose]();
  };
  const own = { url: `${scheme}://127.0.0.1:${port}`, port, [Symbol.asyncDispose]: dispose };
  // Onto the server, not a spread of it: `pid` and `exited` speak of the process that runs now.
  return Object.assign(server, own);
}

export type NatsOptions = {
  /** Its data; kept afterwards. Default: a temporary folder. */
  dir?: string;
  /** More arguments of nats-server, e.g. `["-c", file]`. */
  args?: readonly string[];
};

/** A nats-server with JetStream. */
export function startNats({ dir, args = [] }: NatsOptions = {}): Promise<Broker> {
  return startBroker({
    name: "nats-server",
    command: natsServerCommand(),
    scheme: "nats",
    args: (port, folder) => ["-a", "127.0.0.1", "-p", String(port), "-js", "-sd", folder, ...args],
    dir,
    greeting: "",
    answer: /"jetstream":true/,
  });
}

export type RedisOptions = {
  /** Its data; kept afterwards. Default: a temporary folder. */
  dir?: string;
  /** Whether it keeps its data over `restart`. Default: yes; no is a Redis that comes back empty. */
  persist?: boolean;
};

export function startRedis({ dir, persist = true }: RedisOptions = {}): Promise<Broker> {
  // "always": what was acknowledged survives kill -9, so that a test sees our losses and not those of Redis.
  const persistence = persist ? ["--appendonly", "yes", "--appendfsync", "always"] : ["--appendonly", "no"];
  const network = (port: number): string[] => ["--bind", "127.0.0.1", "--port", String(port)];
  return startBroker({
    name: "redis-server",
    command: redisServerCommand(),
    scheme: "redis",
    args: (port, folder) => [
      ...network(port),
      ...["--dir", folder, "--save", "", "--maxmemory-policy", "noeviction"],
      ...persistence,
    ],
    dir,
    greeting: "PING\r\n",
    answer: /^\+PONG/,
  });
}
