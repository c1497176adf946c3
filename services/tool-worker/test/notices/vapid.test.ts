import { generateKeyPairSync } from "node:crypto";
import { decodeProtectedHeader, importJWK, jwtVerify } from "jose";
import { expect, it } from "vitest";
import { createVapid, vapidKeyOf } from "../../src/notices/vapid.ts";

const text = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" }).d ?? "";

it("signs who sends, for one service and half a day, so that any library can check it", async () => {
  const key = vapidKeyOf(text);
  if (key === undefined) throw new Error("no key");
  const authorization = createVapid(key, "mailto:ops@example.org");
  const header = authorization("https://push.example.org/send/abc?x=1");
  const [, token = "", publicKey = ""] = /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(header) ?? [];
  const point = Buffer.from(publicKey, "base64url");
  expect([point.length, point[0]]).toEqual([65, 4]);
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString("base64url"));
  const verifying = await importJWK({ kty: "EC", crv: "P-256", x: x ?? "", y: y ?? "" }, "ES256");
  const { payload } = await jwtVerify(token, verifying, { audience: "https://push.example.org" });
  expect(decodeProtectedHeader(token)).toEqual({ typ: "JWT", alg: "ES256" });
  expect(payload).toMatchObject({ aud: "https://push.example.org", sub: "mailto:ops@example.org" });
  expect((payload.exp ?? 0) - Date.now() / 1_000).toBeLessThanOrEqual(24 * 3_600);
  expect(authorization("https://push.example.org/send/other")).toBe(header);
  expect(authorization("https://other.example.org/send/abc")).not.toBe(header);
});

it.each(["", "short", "A".repeat(43), "_".repeat(43)])("takes %j for no key", (one) => {
  expect(vapidKeyOf(one)).toBeUndefined();
});
