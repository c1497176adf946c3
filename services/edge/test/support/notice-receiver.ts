import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { eventually } from "@parley/testkit";
import { z } from "zod";

const Body = z.looseObject({ type: z.string(), user_id: z.string() });

export interface ReceivedNotice {
  readonly id: string;
  readonly atS: number;
  readonly body: z.infer<typeof Body>;
  /** By what the specification says, and not by the code that signs. */
  readonly isSigned: boolean;
}

export const webhookSecret = `whsec_${Buffer.from("0123456789abcdef0123456789abcdef").toString("base64")}`;

/** A service that is told of notices. `answer`: what it says to the next ones, 204 if not set; 0: nothing, ever. */
export async function startNoticeReceiver() {
  const received: ReceivedNotice[] = [];
  const state = { answer: 204 };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      received.push(noticeOf(request.headers, Buffer.concat(chunks).toString()));
      if (state.answer !== 0) response.writeHead(state.answer).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const of = (user: string): ReceivedNotice[] => received.filter(({ body }) => body.user_id === user);
  return {
    url: `http://127.0.0.1:${port}/notices`,
    state,
    of,
    until: async (user: string, count = 1, timeoutMs = 20_000): Promise<ReceivedNotice[]> => {
      await eventually(() => of(user).length >= count, { what: `${count} notices to ${user}`, timeoutMs });
      return of(user);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export type NoticeReceiver = Awaited<ReturnType<typeof startNoticeReceiver>>;

function noticeOf(headers: IncomingHttpHeaders, text: string): ReceivedNotice {
  const id = String(headers["webhook-id"]);
  const at = String(headers["webhook-timestamp"]);
  const key = Buffer.from(webhookSecret.slice("whsec_".length), "base64");
  const mac = createHmac("sha256", key).update(`${id}.${at}.${text}`).digest("base64");
  const isSigned = String(headers["webhook-signature"]).split(" ").includes(`v1,${mac}`);
  return { id, atS: Number(at), body: Body.parse(JSON.parse(text)), isSigned };
}
