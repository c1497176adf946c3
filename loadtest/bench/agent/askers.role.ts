import { z } from "zod";
import { serveRole } from "../measure/role.ts";
import { nativeProtocol } from "../sockets/access-token.ts";
import { encodeClientFrame } from "../sockets/client-frame.ts";
import { fieldsOf } from "../sockets/frame-fields.ts";
import { openRawSocket } from "../sockets/raw-socket.ts";

const Options = z.object({
  port: z.number(),
  secret: z.string(),
  askers: z.number().int(),
  /** What they all say. */
  message: z.string(),
});

const answers = new Set(["complete", "error", "cancelled"]);

/** People who each ask the next thing as soon as they have their answer. */
await serveRole(Options, ({ port, secret, askers, message }) => {
  const protocol = nativeProtocol(secret);
  let completed = 0;
  let failed = 0;
  const ask = async (asker: number): Promise<void> => {
    let asked = 0;
    const next = (): string =>
      encodeClientFrame({
        type: "message",
        id: `m${asked++}`,
        conversation_id: `agent-${asker}`,
        message,
      });
    const socket = await openRawSocket({
      ...{ port, path: "/ws/chat", protocol },
      onFrame(payload) {
        const { type } = fieldsOf(payload);
        if (!answers.has(type)) return;
        if (type === "complete") completed++;
        else failed++;
        socket.send(next());
      },
    });
    socket.send(next());
  };
  return {
    start: () => Promise.all(Array.from({ length: askers }, (_, asker) => ask(asker))).then(() => undefined),
    count: () => ({ completed, failed }),
  };
});
