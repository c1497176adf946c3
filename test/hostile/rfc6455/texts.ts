import { continuation, textFrame } from "../wire/frame-bytes.ts";
import { inSection, jsonPing, pong, refused, type FrameCase } from "./case.ts";

/** A JSON ping with these bytes in a field that nobody reads. */
function withBytes(...bytes: readonly number[]): Buffer {
  return Buffer.concat([Buffer.from('{"type":"ping","x":"'), Buffer.from(bytes), Buffer.from('"}')]);
}

const text = inSection("8.1");

function invalid(name: string, ...bytes: readonly number[]): FrameCase {
  return text(name, [textFrame(withBytes(...bytes))], "cut");
}

function valid(name: string, ...bytes: readonly number[]): FrameCase {
  return text(name, [textFrame(withBytes(...bytes))], pong);
}

const afterLastButTwo = -4;

/** In two fragments, the first of which ends with the first byte of the last character of three. */
function cutInCharacter(bytes: Buffer): FrameCase["sends"] {
  return [
    textFrame(bytes.subarray(0, afterLastButTwo), { isLast: false }),
    continuation(bytes.subarray(afterLastButTwo)),
  ];
}

export const texts: readonly FrameCase[] = [
  valid("two bytes", 0xc3, 0xa9),
  valid("three bytes", 0xe2, 0x82, 0xac),
  valid("four bytes", 0xf0, 0x9f, 0x98, 0x80),
  valid("the last character there is", 0xf4, 0x8f, 0xbf, 0xbf),
  valid("the last before the surrogates", 0xed, 0x9f, 0xbf),
  valid("U+FFFE, which is no character and yet UTF-8", 0xef, 0xbf, 0xbe),
  invalid("a byte that is none", 0xff),
  invalid("a continuation byte alone", 0x80),
  invalid("a character that is cut", 0xe2, 0x82),
  invalid("an overlong slash of two bytes", 0xc0, 0xaf),
  invalid("an overlong slash of three bytes", 0xe0, 0x80, 0xaf),
  invalid("an overlong NUL", 0xc0, 0x80),
  invalid("half of a surrogate pair", 0xed, 0xa0, 0x80),
  invalid("a surrogate pair as six bytes", 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80),
  invalid("a character above the last one", 0xf4, 0x90, 0x80, 0x80),
  invalid("five bytes", 0xf8, 0x88, 0x80, 0x80, 0x80),
  text("a character cut by fragments", cutInCharacter(withBytes(0xe2, 0x82, 0xac)), pong),
  text("a bad byte in the second fragment", cutInCharacter(withBytes(0xe2, 0xff, 0xac)), "cut"),
  text("NUL in a text", [textFrame(jsonPing.replace("{", "{\0"))], refused),
  text("a byte order mark before the JSON", [textFrame(`\ufeff${jsonPing}`)], pong),
];
