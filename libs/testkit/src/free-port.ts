import { createServer } from "node:net";

// Below the range from which systems take the ports of outgoing connections (Linux: from 32768): a port found free there
// could be gone before its server binds it. Random, because test files run in several processes that cannot see each
// other's reserve.
const FIRST_PORT = 10_240;
const LAST_PORT = 32_000;
const MAX_TRIES = 200;

const reserved = new Set<number>();

function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}

/** A loopback port that nobody listens on and that no other call in this process has been given. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    if (reserved.has(port)) continue;
    reserved.add(port);
    if (await canBind(port)) return port;
    reserved.delete(port);
  }
  throw new Error(`found no free port on 127.0.0.1 in ${MAX_TRIES} tries`);
}
