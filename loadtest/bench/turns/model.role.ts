import { once } from "node:events";
import { z } from "zod";
import { serveRole } from "../measure/role.ts";
import { createModelServer } from "./model-server.ts";

/** The model of all systems that are compared. */
await serveRole(z.object({ port: z.number() }), async ({ port }) => {
  const server = createModelServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  return {};
});
