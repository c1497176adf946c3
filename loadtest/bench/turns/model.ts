import { freePort } from "@parley/testkit";
import { startRole } from "../measure/role.ts";

export interface Model {
  readonly pid: number;
  readonly url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The bare model server, as a process of its own. */
export async function startModel(): Promise<Model> {
  const port = await freePort();
  const role = await startRole(new URL("model.role.ts", import.meta.url), { port });
  return { pid: role.pid, url: `http://127.0.0.1:${port}/v1`, [Symbol.asyncDispose]: role[Symbol.asyncDispose] };
}
