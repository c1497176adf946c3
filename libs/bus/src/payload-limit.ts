import { connect } from "node:net";
import { limits } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { z } from "zod";
import type { BrokerLink } from "./nats-connection.ts";

const askEveryMs = 3_000;
const answerMs = 1_000;
/** Far above any INFO, also of a cluster with many addresses. */
const maxInfoBytes = 64 * 1024;

const Info = z.object({ max_payload: z.number() });

/** The `max_payload` of a server as its greeting names it; undefined: it did not say. `server` is `host:port`. */
function askServer(server: string): Promise<number | undefined> {
  const { hostname, port } = new URL(`nats://${server}`);
  return new Promise((resolve) => {
    let greeting = "";
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) });
    const settle = (value?: number): void => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(answerMs, () => settle());
    socket.on("error", () => settle());
    socket.on("close", () => settle());
    socket.on("data", (bytes) => {
      greeting += bytes.toString("latin1");
      const end = greeting.indexOf("\r\n");
      if (end >= 0) settle(maxPayloadIn(greeting.slice(0, end)));
      else if (greeting.length > maxInfoBytes) settle();
    });
  });
}

function maxPayloadIn(greeting: string): number | undefined {
  try {
    return Info.parse(JSON.parse(greeting.replace(/^INFO\s+/i, ""))).max_payload;
  } catch {
    return undefined;
  }
}

/**
 * Keeps what the client library knows of the broker's `max_payload` up to date. A server whose setting is reloaded does not say so to its
 * connections (seen with 2.9.10), and cuts the connection, with all its turns, of whoever sends more than it now takes. The greeting of a new
 * connection has it, without signing in.
 */
export function watchPayloadLimit({ nc, connected }: BrokerLink, log: Logger) {
  let wasTooSmall = false;

  const problems = (): string[] => {
    const maxPayload = nc.info?.max_payload ?? limits.eventBytes;
    if (maxPayload >= limits.eventBytes) return [];
    return [
      `The broker takes messages of at most ${maxPayload} bytes: max_payload must be ${limits.eventBytes} or more.`,
    ];
  };

  const report = (): void => {
    const [problem] = problems();
    if ((problem !== undefined) === wasTooSmall) return;
    wasTooSmall = !wasTooSmall;
    if (problem === undefined) log.info("the broker takes large enough messages again");
    else log.error(problem);
  };

  const look = async (): Promise<void> => {
    const before = nc.info;
    const maxPayload = connected() ? await askServer(nc.getServer()) : undefined;
    // After a reconnect the library knows better: it may be another server.
    if (maxPayload !== undefined && before !== undefined && nc.info === before) before.max_payload = maxPayload;
    report();
  };

  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    look()
      .catch((err: unknown) => log.debug({ err }, "the broker's max_payload could not be asked for"))
      .finally(() => {
        looking = false;
      });
  }, askEveryMs);
  timer.unref();
  report();
  return { problems, close: (): void => clearInterval(timer) };
}
