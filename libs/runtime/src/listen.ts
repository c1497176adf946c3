import { once } from "node:events";
import type { Server } from "node:http";
import { StartError } from "./start-error.ts";

export type ListenOptions = {
  host: string;
  /** 0 lets the system choose a free port. */
  port: number;
  /** The variable that a person changes when the port cannot be had. */
  variable: string;
};

export type Listener = {
  /** The port in use, also when 0 was asked for. */
  port: number;
  close: () => Promise<void>;
};

/** Makes a server listen. A port that cannot be had becomes a `StartError` that names the variable to change. */
export async function listen(server: Server, { host, port, variable }: ListenOptions): Promise<Listener> {
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (error) {
    throw toStartError(error, { host, port, variable });
  }
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    close: () => closeServer(server),
  };
}

function toStartError(error: unknown, { host, port, variable }: ListenOptions): unknown {
  const reason = error instanceof Error && "code" in error ? LISTEN_PROBLEMS.get(error.code) : undefined;
  if (reason === undefined) return error;
  return new StartError(`Cannot listen on ${host}:${port}: ${reason}. Set ${variable} to another port.`, {
    cause: error,
  });
}

const LISTEN_PROBLEMS = new Map<unknown, string>([
  ["EADDRINUSE", "another process has this port"],
  ["EACCES", "this user may not open this port"],
]);

/** Idle keep-alive connections (a metrics scraper's) would hold `close` open until they time out. */
async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}
