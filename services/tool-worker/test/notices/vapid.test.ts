import { generateKeyPairSync } from "node:crypto";
import { expect, it } from "vitest";
import { senderOf } from "../support/simulated-push-service.ts";
import { createVapid, vapidKeyOf } from "../../src/notices/vapid.ts";

const text = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" }).d ?? "";

it("signs who sends, for one service and half a day, so that any library can check it", async () => {
  const key = vapidKeyOf(text);
  if (key === undefined) throw new Error("no key");
  const authorization = createVapid(key, "mailto:ops@example.org");
  const header = authorization("https://push.example.org/send/abc?x=1");
  expect(await senderOf(header, "https://push.example.org")).toEqual({
    key: key.publicKey,
    subject: "mailto:ops@example.org",
  });
  expect(await senderOf(header, "https://other.example.org")).toBeUndefined();
  const forged = header.replace(/.{4}, k=/, "AAAA, k=");
  expect(await senderOf(forged, "https://push.example.org")).toBeUndefined();
  const [head = ""] = header.slice("vapid t=".length).split(".");
  expect(JSON.parse(Buffer.from(head, "base64url").toString())).toEqual({ typ: "JWT", alg: "ES256" });
  expect(authorization("https://push.example.org/send/other")).toBe(header);
  expect(authorization("https://other.example.org/send/abc")).not.toBe(header);
});

it.each(["", "short", "A".repeat(43), "_".repeat(43)])("takes %j for no key", (one) => {
  expect(vapidKeyOf(one)).toBeUndefined();
});
