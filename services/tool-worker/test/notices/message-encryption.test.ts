import { expect, it } from "vitest";
import { isSealable, mostPlainBytes, sealMessage } from "../../src/notices/message-encryption.ts";

const receiver = {
  p256dh: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
  auth: "BTBZMqHH6r4Tts7J_aSIgg",
};

it("seals as the example of RFC 8291 does", () => {
  const fresh = {
    salt: Buffer.from("DGv6ra1nlYgDCS1FRnbzlw", "base64url"),
    privateKey: Buffer.from("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw", "base64url"),
  };
  const sealed = sealMessage(Buffer.from("When I grow up, I want to be a watermelon"), receiver, fresh);
  expect(sealed.toString("base64url")).toBe(
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
  );
});

it("takes a new key and salt each time, and fills a message of a push service to its last byte and not beyond", () => {
  const plain = Buffer.alloc(mostPlainBytes, 0x61);
  const [one, other] = [sealMessage(plain, receiver), sealMessage(plain, receiver)];
  expect(one).toHaveLength(4_096);
  expect(one.subarray(0, 86)).not.toEqual(other?.subarray(0, 86));
  expect(() => sealMessage(Buffer.alloc(mostPlainBytes + 1), receiver)).toThrow(RangeError);
});

it.each([
  ["no point of the curve", { ...receiver, p256dh: Buffer.alloc(65, 4).toString("base64url") }],
  ["a compressed point", { ...receiver, p256dh: Buffer.alloc(33, 2).toString("base64url") }],
  ["nothing", { p256dh: "", auth: "" }],
  ["a secret that is too short", { ...receiver, auth: "AAAA" }],
])("seals nothing for %s", (_what, keys) => {
  expect(isSealable(receiver)).toBe(true);
  expect(isSealable(keys)).toBe(false);
});
