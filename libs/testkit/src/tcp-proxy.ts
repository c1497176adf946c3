import { connect, createServer, type Socket } from "node:net";
import { freePort } from "./free-port.ts";

export type TcpProxyOptions = {
  /** Loopback ports it leads to, taken in turn; one that does not answer is passed over. */
  targets: readonly number[];
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

type Pipe = { readonly client: Socket; upstream: Socket | undefined };

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

/** Joins the two ends, and ends each with the other. */
function join({ client, upstream }: Pipe, onEnd: () => void): void {
  if (upstream === undefined) return;
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    from.pipe(to);
    from.on("error", () => to.resetAndDestroy());
    from.once("close", () => {
      to.destroy();
      onEnd();
    });
  }
}

export async function startTcpProxy({ targets }: TcpProxyOptions): Promise<TcpProxy> {
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
    join(pipe, () => pipes.delete(pipe));
    if (state === "stalled") hold(pipe);
  };
  const hold = ({ client, upstream }: Pipe): void => {
    // A pipe resumes its source by itself when it was unpiped and piped again, so it has to be taken apart.
    for (const socket of [client, upstream]) socket?.unpipe().pause();
  };
  const release = ({ client, upstream }: Pipe): void => {
    if (upstream === undefined) return;
    client.pipe(upstream);
    upstream.pipe(client);
  };

  const server = createServer({ noDelay: true }, (client) => {
    if (state === "severed") return void client.resetAndDestroy();
    const pipe: Pipe = { client, upstream: undefined };
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
      if (state === "stalled") for (const pipe of pipes) release(pipe);
      state = "open";
    },
    async [Symbol.asyncDispose]() {
      state = "severed";
      for (const pipe of [...pipes]) reset(pipe);
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
