import path from "node:path";
import { dataDir, logsDir } from "./paths.mjs";
import { answer, connects } from "./ports.mjs";
import { SetupError } from "./setup-error.mjs";

const ANSWER_DEADLINE_MS = 3000;

/**
 * What the scripts know of the two servers that Parley needs. `problem` says what is wrong with what the server answered
 * (undefined: nothing). Private ones listen on loopback only and keep their data in the checkout.
 */
export const brokers = [
  {
    name: "NATS",
    key: "nats",
    variable: "NATS_URL",
    binVariable: "NATS_SERVER_BIN",
    defaultPort: 4222,
    schemes: ["nats:", "tls:"],
    programs: ["nats-server"],
    debianPackage: "nats-server",
    dir: path.join(dataDir, "nats"),
    log: path.join(logsDir, "nats.log"),
    args: (port) => [
      ...["-a", "127.0.0.1", "-p", String(port)],
      ...["-js", "-sd", path.join(dataDir, "nats"), "-c", path.join(dataDir, "nats", "nats.conf")],
    ],
    // Else it refuses streams whose limits add up to more than three quarters of the free disk.
    config: { file: path.join(dataDir, "nats", "nats.conf"), text: "jetstream { max_file_store: 64GB }\n" },
    greeting: "",
    problem: (text) => {
      if (!text.startsWith("INFO ")) return "is not a NATS server";
      return text.includes('"jetstream":true') ? undefined : "runs without JetStream (start it with -js)";
    },
  },
  {
    name: "Redis",
    key: "redis",
    variable: "REDIS_URL",
    binVariable: "REDIS_SERVER_BIN",
    defaultPort: 6379,
    schemes: ["redis:", "rediss:"],
    programs: ["redis-server", "valkey-server"],
    debianPackage: "redis-server",
    dir: path.join(dataDir, "redis"),
    log: path.join(logsDir, "redis.log"),
    args: (port) => [
      ...["--bind", "127.0.0.1", "--port", String(port), "--dir", path.join(dataDir, "redis")],
      ...["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction", "--daemonize", "no"],
    ],
    greeting: "PING\r\n",
    // A server that wants a password has answered; whether the password is right, the services will see.
    problem: (text) => (/^(\+PONG|-NOAUTH|-DENIED)/.test(text) ? undefined : answeredInstead(text)),
  },
];

function answeredInstead(text) {
  return /^[-+$*]/.test(text) ? `answered ${JSON.stringify(text.split("\r\n")[0])}` : "is not a Redis server";
}

/** The URL without what must not be shown. */
export function shownUrl(url) {
  return `${url.protocol}//${url.host}`;
}

export function parseUrl(broker, text) {
  const first = text.split(",")[0].trim();
  const url = URL.canParse(first) ? new URL(first) : undefined;
  if (url === undefined || !broker.schemes.includes(url.protocol) || url.hostname === "") {
    throw new SetupError(
      `${broker.variable} must be a URL such as ${broker.schemes[0]}//127.0.0.1:${broker.defaultPort}, and it is not.`,
    );
  }
  return url;
}

/** What is wrong with the server at this URL, as the end of a sentence; undefined when it can be used. */
export async function brokerProblem(broker, url, deadlineMs = ANSWER_DEADLINE_MS) {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port || broker.defaultPort);
  const noAnswer = "does not answer";
  // What is said after a TLS handshake is for the services to find out: that it accepts connections must do.
  if (["rediss:", "tls:"].includes(url.protocol))
    return (await connects({ host, port, deadlineMs })) ? undefined : noAnswer;
  const text = await answer({ host, port, greeting: broker.greeting, deadlineMs });
  return text === undefined ? noAnswer : broker.problem(text);
}
