import { connect, createServer } from "node:net";

const LOOPBACK = "127.0.0.1";

function bind(port) {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(port, LOOPBACK, () => {
      const { port: bound } = probe.address();
      probe.close(() => resolve(bound));
    });
  });
}

/** Why this loopback port cannot be had ("EADDRINUSE", "EACCES", …), or undefined when it can. */
export async function portProblem(port) {
  try {
    await bind(port);
    return undefined;
  } catch (error) {
    return error.code ?? error.message;
  }
}

/** Hands out loopback ports, none twice. */
export function createPorts() {
  const given = new Set();
  const isFree = async (port) => !given.has(port) && (await portProblem(port)) === undefined;
  const give = (port) => {
    given.add(port);
    return port;
  };
  return {
    reserve: give,
    /** This port, or, when somebody has it, one that the system chooses. */
    async preferred(port) {
      if (port <= 65_535 && (await isFree(port))) return give(port);
      let free = await bind(0);
      while (given.has(free)) free = await bind(0);
      return give(free);
    },
  };
}

/** Calls `use(socket, settle)` on a connection; undefined when there is none, or no `settle`, within the deadline. */
function converse({ host, port, deadlineMs }, use) {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const deadline = setTimeout(() => socket.destroy(), deadlineMs);
    const settle = (outcome) => {
      resolve(outcome);
      socket.destroy();
    };
    socket.once("error", () => settle(undefined));
    socket.once("close", () => {
      clearTimeout(deadline);
      resolve(undefined);
    });
    use(socket, settle);
  });
}

/** Whether something accepts connections there. */
export async function connects(address) {
  return (await converse(address, (socket, settle) => socket.once("connect", () => settle(true)))) === true;
}

/** The first thing that the server there says, after `greeting` if that is not empty. */
export function answer({ greeting, ...address }) {
  return converse(address, (socket, settle) => {
    if (greeting !== "") socket.once("connect", () => socket.write(greeting));
    socket.once("data", (bytes) => settle(bytes.toString("latin1")));
  });
}
