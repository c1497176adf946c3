import { createServer } from "node:http";
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { unwrapSecret, wrapSecret } from "../src/master-keys.ts";

const Asked = z.object({
  plaintext: z.base64().optional(),
  ciphertext: z.string().optional(),
  associated_data: z.base64().default(""),
});

/** A stand-in for the transit engine of Vault and OpenBao: simulated, two of its calls in their shape. It keeps versions of one key. */
export async function startSimulatedTransit(token: string) {
  const versions = [randomBytes(32)];
  const asked: string[] = [];
  let isDown = false;

  const answer = (path: string, body: z.infer<typeof Asked>): object | undefined => {
    const place = { tenant: undefined, hash: body.associated_data };
    if (path === "/v1/transit/encrypt/parley" && body.plaintext !== undefined) {
      const key = versions.at(-1) ?? Buffer.alloc(32);
      return {
        ciphertext: `vault:v${versions.length}:${wrapSecret(key, Buffer.from(body.plaintext, "base64"), place)}`,
      };
    }
    const [, version = "", text = ""] = /^vault:v(\d+):(.+)$/.exec(body.ciphertext ?? "") ?? [];
    const key = versions[Number(version) - 1];
    if (path !== "/v1/transit/decrypt/parley" || key === undefined) return undefined;
    return { plaintext: unwrapSecret(key, text, place).toString("base64") };
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request
      .on("data", (chunk: Buffer) => chunks.push(chunk))
      .on("end", () => {
        asked.push(request.url ?? "");
        const isMeant = request.headers["x-vault-token"] === token && !isDown;
        let data: object | undefined;
        try {
          if (isMeant) data = answer(request.url ?? "", Asked.parse(JSON.parse(Buffer.concat(chunks).toString())));
        } catch {
          // Told as the real one tells it: 400.
        }
        response.statusCode = isDown ? 503 : isMeant ? (data === undefined ? 400 : 200) : 403;
        response.end(JSON.stringify(data === undefined ? { errors: ["no"] } : { data }));
      });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
    asked,
    rotate: (): unknown => versions.push(randomBytes(32)),
    setDown: (down: boolean): unknown => (isDown = down),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
