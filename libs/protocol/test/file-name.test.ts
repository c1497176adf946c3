import { expect, test } from "vitest";
import { fileLimits, fileNameOf } from "@parley/protocol";

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

test.each([
  ["cat.png", "cat.png"],
  ["../../etc/passwd", "passwd"],
  ["C:\\Windows\\System32\\cmd.exe", "cmd.exe"],
  ["..", "file"],
  ["/", "file"],
  ["", "file"],
  [" .hidden", "hidden"],
  ["a\u0000b\r\nc.txt", "abc.txt"],
  // Shown from right to left it would read as cod.exe.
  ["exe.\u202Edoc", "exe.doc"],
  ["\u2066a\u2069.txt", "a.txt"],
  ["a\u200B\u3164b.txt", "ab.txt"],
  ["CON", "_CON"],
  ["con.txt", "_con.txt"],
  ["COM1.tar.gz", "_COM1.tar.gz"],
  ["console.log", "console.log"],
  ["a.exe. . ", "a.exe"],
  ['a<b>:"|?*.txt', "a_b______.txt"],
  ["\uD800.txt", "\uFFFD.txt"],
  ["u\u0308ber.txt", "\u00FCber.txt"],
  ["  much   space .txt", "much space .txt"],
])("%j becomes %j", (said, name) => {
  expect(fileNameOf(said)).toBe(name);
  expect(fileNameOf(name)).toBe(name);
});

test("a long name keeps its ending, and no letter is cut in the middle", () => {
  for (const letter of ["a", "\u00E4", "\u{1F600}"]) {
    const name = fileNameOf(`${letter.repeat(400)}.jpeg`);
    expect(bytesOf(name)).toBeLessThanOrEqual(fileLimits.nameBytes);
    expect(bytesOf(name)).toBeGreaterThan(fileLimits.nameBytes - 4);
    expect(name).toMatch(/^(.)\1*\.jpeg$/u);
  }
});
