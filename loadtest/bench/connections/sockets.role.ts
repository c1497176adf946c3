import { z } from "zod";
import { serveRole } from "../measure/role.ts";
import { nativeProtocol } from "../sockets/access-token.ts";
import { fieldsOf } from "../sockets/frame-fields.ts";
import { openRawSocket, type RawSocket } from "../sockets/raw-socket.ts";
import { inBatches } from "../sockets/together.ts";

const Options = z.object({
  port: z.number(),
  count: z.number().int(),
  /** Absent: the edge is the bare one, and nobody has to say who they are. */
  secret: z.string().optional(),
});

const connectingAtOnce = 100;

/** Opens sockets that then do nothing. With a secret each is authenticated, and counts only once the edge has said so. */
await serveRole(Options, ({ port, count, secret }) => {
  const sockets: RawSocket[] = [];
  const openBare = async (): Promise<void> => {
    sockets.push(await openRawSocket({ port, path: "/", onFrame: () => {} }));
  };
  const protocol = secret === undefined ? "" : nativeProtocol(secret);
  const openAuthenticated = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const onFrame = (payload: Buffer): void => {
        if (fieldsOf(payload).type === "auth_success") resolve();
      };
      const onClose = (): void => reject(new Error("the edge closed a socket"));
      openRawSocket({ port, path: "/ws/chat", protocol, onFrame, onClose }).then((s) => void sockets.push(s), reject);
    });
  const open = secret === undefined ? openBare : openAuthenticated;
  return {
    async open() {
      const startedAt = performance.now();
      await inBatches(count, connectingAtOnce, open);
      return { ms: performance.now() - startedAt, open: sockets.length };
    },
  };
});
