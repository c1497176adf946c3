import { connect, createServer, type Socket } from "node:net";
import type { Transform } from "node:stream";
import { freePort } from "./free-port.ts";

export type TcpProxyOptions = {
  /** Loopback ports it leads to, taken in turn; one that does not answer is passed over. */
  targets: readonly number[];
  /** Through this goes what a target sends; one for each connection. Default: it passes as it is. */
  downstream?: () => Transform;
};

/**
 * A loopback port that leads to others, for a test that wants to break a connection without touching either end of it.
 *
 * `open` → `stalled` (connections stay, nothing passes) | `severed` (connections are reset, new ones too) → `open`. What was sent into
 * a stalled proxy arrives when it is healed, as it does behind a network that lost packets for a while.
 */
export type TcpProxy = {
  readonly port: number;
  connections(): number;
  stall(): void;
  sever(): void;
  heal(): void;
  [Symbol.asyncDispose](): Promise<void>;
};

type Pipe = { readonly client: Socket; upstream: Socket | undefined; stage: Transform | undefined };

/** The first target, from the given one on, that accepts a connection. */
async function connectTo(targets: readonly number[], first: number): Promise<Socket | undefined> {
  for (let tried = 0; tried < targets.length; tried += 1) {
    const port = targets[(first + tried) % targets.length];
    if (port === undefined) continue;
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    if (isOpen) return socket;
  }
  return undefined;
}

function reset(pipe: Pipe): void {
  pipe.client.resetAndDestroy();
  pipe.upstream?.resetAndDestroy();
}

function flow({ client, upstream, stage }: Pipe): void {
  if (upstream === undefined) return;
  client.pipe(upstream);
  (stage === undefined ? upstream : upstream.pipe(stage)).pipe(client);
}

/** Joins the two ends, and ends each with the other. */
function join(pipe: Pipe, onEnd: () => void): void {
  const { client, upstream, stage } = pipe;
  if (upstream === undefined) return;
  flow(pipe);
  client.on("error", () => upstream.resetAndDestroy());
  for (const source of [upstream, stage]) source?.on("error", () => reset(pipe));
  client.once("close", () => {
    upstream.destroySoon();
    stage?.destroy();
    onEnd();
  });
  // What has come through is still to be written.
  (stage ?? upstream).once("close", () => client.destroySoon());
  upstream.once("close", () => {
    stage?.end();
    onEnd();
  });
}

export async function startTcpProxy({ targets, downstream }: TcpProxyOptions): Promise<TcpProxy> {
  const port = await freePort();
  const pipes = new Set<Pipe>();
  let state: "open" | "stalled" | "severed" = "open";
  let next = 0;

  const lead = async (pipe: Pipe): Promise<void> => {
    next += 1;
    const upstream = await connectTo(targets, next);
    if (upstream === undefined || pipe.client.destroyed) {
      upstream?.destroy();
      pipe.client.resetAndDestroy();
      return;
    }
    pipe.upstream = upstream;
    pipe.stage = downstream?.();
    join(pipe, () => pipes.delete(pipe));
    if (state === "stalled") hold(pipe);
  };
  const hold = ({ client, upstream, stage }: Pipe): void => {
    // A pipe resumes its source by itself when it was unpiped and piped again, so it has to be taken apart.
    for (const source of [client, upstream, stage]) source?.unpipe().pause();
  };

  const server = createServer({ noDelay: true }, (client) => {
    if (state === "severed") return void client.resetAndDestroy();
    const pipe: Pipe = { client, upstream: undefined, stage: undefined };
    pipes.add(pipe);
    client.once("error", () => undefined);
    client.once("close", () => pipes.delete(pipe));
    void lead(pipe);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });

  return {
    port,
    connections: () => pipes.size,
    stall() {
      if (state !== "open") return;
      state = "stalled";
      for (const pipe of pipes) hold(pipe);
    },
    sever() {
      state = "severed";
      for (const pipe of [...pipes]) reset(pipe);
    },
    heal() {
      if (state === "stalled") for (const pipe of pipes) flow(pipe);
      state = "open";
    },
    async [Symbol.asyncDispose]() {
      state = "severed";
      for (const pipe of [...pipes]) reset(pipe);
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
