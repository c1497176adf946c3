import { openBus, type Bus } from "@parley/bus";
import { encodeEvent, subjects } from "@parley/protocol";
import { createLogger, sleep } from "@parley/runtime";
import { eventually, startNats, startRedis, startService, type Service } from "@parley/testkit";
import { WebSocket } from "ws";
import { z } from "zod";
import { createSharedSecret } from "../../services/edge/src/admission/shared-secret.ts";
import { countInOrder, numberedToken } from "../../loadtest/bench/resume/numbered-token.ts";

/** Tokens of many sockets that run out in the same second, while answers stream. */
export interface StormOptions {
  readonly sockets: number;
  readonly conversations: number;
}

export interface StormFigures {
  /** Those that brought a new token when they were told to. */
  readonly renewed: number;
  /** Of them, open at the end. */
  readonly stayed: number;
  /** Close codes of the others, and how many of each. */
  readonly closed: ReadonlyMap<number, number>;
  /** Between the first and the last of these closes. */
  readonly closesTookMs: number;
  /** Between the first and the last `auth_expiring`. */
  readonly warningsTookMs: number;
  /** The longest that the edge's event loop stood still, while they were warned, renewed and closed. */
  readonly lagMs: number;
  /** The same in the time before, in which nothing but answers happened: what this machine makes of it anyway. */
  readonly quietLagMs: number;
  readonly tokensSent: number;
  /** What went wrong for a viewer, the first few. */
  readonly faults: readonly string[];
}

const secret = "a-secret-of-more-than-thirty-two-bytes";
const graceMs = 25_000;
/** Long enough to open all sockets, and to look at an edge at rest, before the first is warned a minute ahead. */
const leadMs = 110_000;
const writeEveryMs = 2_000;
const openTogether = 100;

const Frame = z.looseObject({
  type: z.string(),
  token: z.string().optional(),
  text: z.string().optional(),
  turn_id: z.string().optional(),
});

interface Viewer {
  readonly socket: WebSocket;
  readonly conversation: string;
  readonly renews: boolean;
  renewal: string;
  /** The turn that it asked for, if it did. */
  turn: string;
  /** Tokens of text that it has, from the first on. */
  seen: number;
  warnedMs: number;
  closedMs: number;
  code: number;
}

const { sign } = createSharedSecret({ secret });

/** Whole seconds, whenever it is made. */
async function tokenOf(user: string, expiresMs: number): Promise<string> {
  const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
  return (await sign({ id: user }, expiresMs - nowMs)).token;
}

/** Runs it against an edge as a process of its own, with the deadlines that it has anywhere. */
export async function tokenStorm({ sockets, conversations }: StormOptions): Promise<StormFigures> {
  await using nats = await startNats();
  await using redis = await startRedis();
  const env = { NATS_URL: nats.url, REDIS_URL: redis.url, AUTH_DEV: "1", AUTH_JWT_SECRET: secret, LOG_LEVEL: "warn" };
  await using edge = await startService("edge", env);
  const log = createLogger({ service: "storm", level: "silent", format: "json" });
  const bus = await openBus({ servers: nats.url, name: "storm", log });
  try {
    return await blow({ edge, bus, sockets, conversations });
  } finally {
    await bus.close();
  }
}

interface Stage extends StormOptions {
  readonly edge: Service;
  readonly bus: Bus;
}

async function blow({ edge, bus, sockets, conversations }: Stage): Promise<StormFigures> {
  const expiresMs = Math.ceil((Date.now() + leadMs) / 1_000) * 1_000;
  const faults: string[] = [];
  const viewers: Viewer[] = [];
  let asking: readonly Viewer[] = [];
  for (let first = 0; first < sockets;) {
    // The first of each conversation asks something; only then can others look at it.
    const count = first === 0 ? conversations : Math.min(openTogether, sockets - first);
    const places = Array.from({ length: count }, (_, n) => first + n);
    first += count;
    viewers.push(
      ...(await Promise.all(places.map((place) => open({ edge, place, conversations, expiresMs, faults })))),
    );
    if (asking.length === 0) asking = [...viewers];
    if (process.env["STORM_LOG"])
      process.stderr.write(`${first} open at ${Math.round(performance.now())}
`);
    if (Date.now() > expiresMs - 70_000)
      throw new Error(`only ${first} sockets could be opened in the time that there is`);
  }

  const writing = startWriting(bus, asking);
  const lag = startLagWatch(edge);
  // What opening them did is not what an edge at rest does.
  await sleep(3_000);
  lag.takeMaxMs();
  await sleep(expiresMs - 62_000 - Date.now());
  const quietLagMs = lag.takeMaxMs();
  await sleep(expiresMs + graceMs + 8_000 - Date.now());
  const lagMs = lag.takeMaxMs();
  await writing.stop();
  lag.stop();
  const tokensSent = writing.count();
  const renewing = viewers.filter(({ renews }) => renews);
  await eventually(() => renewing.every(({ seen }) => seen === tokensSent), {
    what: "those that renewed have all tokens",
    timeoutMs: 30_000,
  }).catch((error: unknown) => faults.push(String(error)));
  const figures = figuresOf(viewers);
  for (const { socket } of viewers) socket.terminate();
  return { ...figures, lagMs, quietLagMs, tokensSent, faults: faults.slice(0, 10) };
}

interface Opening {
  readonly edge: Service;
  readonly place: number;
  readonly conversations: number;
  readonly expiresMs: number;
  readonly faults: string[];
}

async function open({ edge, place, conversations, expiresMs, faults }: Opening): Promise<Viewer> {
  const group = place % conversations;
  const [user, conversation] = [`user-${group}`, `c_storm_${group}`];
  const headers = { authorization: `Bearer ${await tokenOf(user, expiresMs)}` };
  const socket = new WebSocket(`ws://127.0.0.1:${edge.port}/ws/chat`, ["parley.v1"], { headers });
  // Of each conversation every other viewer.
  const renews = Math.floor(place / conversations) % 2 === 0;
  const renewal = renews ? await tokenOf(user, Date.now() + 3_600_000) : "";
  const times = { warnedMs: 0, closedMs: 0 };
  const viewer: Viewer = { socket, conversation, renews, renewal, turn: "", seen: 0, ...times, code: 0 };
  let isWatching = false;
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.on("close", (code) => {
      Object.assign(viewer, { code, closedMs: performance.now() });
      reject(new Error(`closed with ${code}`));
    });
    socket.on("message", (data: Buffer) => {
      const frame = Frame.parse(JSON.parse(data.toString("utf8")));
      const subscribe = { type: "subscribe", conversation_id: conversation };
      const ask = { type: "message", id: "m1", conversation_id: conversation, message: "go on" };
      const next = place < conversations && viewer.turn === "" ? ask : subscribe;
      if (frame.type === "auth_success" && viewer.warnedMs === 0) {
        socket.send(JSON.stringify(next));
      }
      if (frame.type === "accepted") viewer.turn = frame.turn_id ?? "";
      if (frame.type === "accepted") socket.send(JSON.stringify(subscribe));
      // What a client does that is told that the broker is busy.
      if (frame.type === "error" && !isWatching) setTimeout(() => socket.send(JSON.stringify(next)), 500);
      else take(viewer, frame, faults);
      if (frame.type !== "subscribed") return;
      isWatching = true;
      resolve();
    });
  });
  return viewer;
}

function take(viewer: Viewer, { type, token, text }: z.infer<typeof Frame>, faults: string[]): void {
  switch (type) {
    case "token":
      if (token === numberedToken(viewer.seen)) viewer.seen++;
      else faults.push(`${viewer.conversation}: "${token}" came after ${viewer.seen} tokens`);
      return;
    case "snapshot": {
      const count = countInOrder(text ?? "");
      if (count < viewer.seen) faults.push(`${viewer.conversation}: a snapshot has ${count} tokens of ${viewer.seen}`);
      viewer.seen = count;
      return;
    }
    case "auth_expiring":
      viewer.warnedMs = performance.now();
      if (viewer.renews) viewer.socket.send(JSON.stringify({ type: "auth", token: viewer.renewal }));
      return;
    case "auth_error":
    case "error":
      faults.push(`${viewer.conversation}: ${type}`);
  }
}

const maxTries = 20;

/** Writes the n-th token of the answer that this viewer asked for, once, however busy the broker is. */
async function writeToken(
  bus: Bus,
  { conversation: conversation_id, turn: turn_id }: Viewer,
  n: number,
): Promise<void> {
  const place = { conversation_id, turn_id, ts: Date.now(), attempt: 1, n };
  const subject = subjects.agent(bus.events.shardOf(conversation_id), conversation_id, turn_id);
  const data = encodeEvent({ type: "token", ...place, token: numberedToken(n) });
  for (let tries = 0; tries < maxTries; tries++) {
    const { kind } = await bus.events.append({ subject, data, msgId: `${turn_id}-${n}` });
    if (kind === "stored") return;
  }
  throw new Error(`token ${n} of ${conversation_id} could not be stored`);
}

/** Each answer grows by one token at a time; viewers of all of them get it at once. */
function startWriting(bus: Bus, asking: readonly Viewer[]) {
  const stopping = new AbortController();
  let count = 0;
  const write = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await Promise.all(asking.map((viewer) => writeToken(bus, viewer, count)));
      count++;
      await sleep(writeEveryMs, stopping.signal);
    }
  };
  const done = write();
  done.catch(() => {});
  return {
    count: () => count,
    async stop() {
      stopping.abort();
      await done;
    },
  };
}

/** The longest lag between two scrapes, as the edge itself measures it. */
function startLagWatch(edge: Service) {
  let maxMs = 0;
  const look = async (): Promise<void> => {
    const response = await fetch(`http://127.0.0.1:${edge.adminPort}/metrics`);
    const seconds = /^nodejs_eventloop_lag_max_seconds\S* (\S+)$/m.exec(await response.text())?.[1];
    maxMs = Math.max(maxMs, Number(seconds) * 1_000);
  };
  const timer = setInterval(() => void look().catch(() => {}), 1_000);
  return {
    takeMaxMs(): number {
      const taken = maxMs;
      maxMs = 0;
      return taken;
    },
    stop: (): void => clearInterval(timer),
  };
}

function figuresOf(viewers: readonly Viewer[]) {
  const renewing = viewers.filter(({ renews }) => renews);
  const closed = new Map<number, number>();
  for (const { code, renews } of viewers) if (!renews) closed.set(code, (closed.get(code) ?? 0) + 1);
  const spread = (times: readonly number[]): number => Math.max(...times) - Math.min(...times);
  return {
    renewed: renewing.filter(({ warnedMs }) => warnedMs > 0).length,
    stayed: renewing.filter(({ socket }) => socket.readyState === WebSocket.OPEN).length,
    closed,
    closesTookMs: spread(viewers.filter(({ renews, code }) => !renews && code !== 0).map(({ closedMs }) => closedMs)),
    warningsTookMs: spread(viewers.map(({ warnedMs }) => warnedMs)),
  };
}
