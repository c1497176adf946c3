import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const Question = z.object({ id: z.number(), ask: z.string() });
const Answer = z.object({ id: z.number(), value: z.unknown().optional(), problem: z.string().optional() });

const startDeadlineMs = 20_000;

/** A part of a benchmark that runs as a process of its own, so that it neither disturbs others nor is disturbed. */
export interface Role {
  readonly pid: number;
  /** Asks it to do something, and parses what it answers. */
  ask<T extends z.ZodType>(what: string, schema: T, timeoutMs?: number): Promise<z.infer<T>>;
  /** The same without an answer worth reading. */
  tell(what: string, timeoutMs?: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

function spawnRole(file: URL, options: object): ChildProcess {
  const args = ["--conditions=source", "--import", "tsx", fileURLToPath(file), JSON.stringify(options)];
  return spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
}

/** Starts a role's file and waits until it serves. It ends with this process at the latest: its channel closes. */
export async function startRole(file: URL, options: object): Promise<Role> {
  const child = spawnRole(file, options);
  const waiting = new Map<number, Waiting>();
  let next = 0;
  child.on("message", (message) => {
    const { id, value, problem } = Answer.parse(message);
    if (problem === undefined) waiting.get(id)?.resolve(value);
    else waiting.get(id)?.reject(new Error(problem));
    waiting.delete(id);
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  void ended.then(() => {
    for (const { reject } of waiting.values()) reject(new Error(`${file.pathname} ended`));
  });
  const request = (what: string, timeoutMs: number): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = next++;
      const timer = setTimeout(() => reject(new Error(`${what}: no answer in ${timeoutMs} ms`)), timeoutMs);
      const settled = { resolve: (value: unknown) => (clearTimeout(timer), resolve(value)), reject };
      waiting.set(id, settled);
      child.send({ id, ask: what });
    });
  const role: Role = {
    pid: child.pid ?? 0,
    ask: async (what, schema, timeoutMs = 120_000) => schema.parse(await request(what, timeoutMs)),
    tell: async (what, timeoutMs = 120_000) => void (await request(what, timeoutMs)),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
  await role.tell("ready", startDeadlineMs).catch(async (error: unknown) => {
    await role[Symbol.asyncDispose]();
    throw error;
  });
  return role;
}

type Deeds = Readonly<Record<string, () => unknown>>;

/** The other end: sets the role up from its options, then does what it is asked for, one thing after the other or at once. */
export async function serveRole<T extends z.ZodType>(
  options: T,
  setUp: (options: z.infer<T>) => Deeds | Promise<Deeds>,
): Promise<void> {
  process.once("disconnect", () => process.exit(0));
  const deeds = Promise.resolve(setUp(options.parse(JSON.parse(process.argv[2] ?? "{}"))));
  const answer = async (message: unknown): Promise<void> => {
    const { id, ask } = Question.parse(message);
    try {
      const value = await (await deeds)[ask]?.();
      process.send?.({ id, value: value ?? null });
    } catch (error) {
      process.send?.({ id, problem: `${ask}: ${error instanceof Error ? error.message : String(error)}` });
    }
  };
  process.on("message", (message) => void answer(message));
  await deeds;
}
