import { expect, test } from "vitest";
import { chatOn, openWeb } from "./web-page.ts";
import { attacker, harmOn } from "./web-xss.ts";
import { xssPayloadsFor } from "./xss-payloads.ts";

const payloads = xssPayloadsFor(attacker);
const PER_CONVERSATION = 20;
const PIECE_CHARS = 5;

/** As a model writes it: each beginning of the payload is shown for a moment. */
function pieces(text: string): string[] {
  return Array.from({ length: Math.ceil(text.length / PIECE_CHARS) }, (_, index) =>
    text.slice(index * PIECE_CHARS, (index + 1) * PIECE_CHARS),
  );
}

// Without the policy the page's own care is all there is; with it, whatever is tried is a complaint as well.
for (const bypassCSP of [true, false]) {
  test(
    `each payload alone, piece by piece, does no harm ${bypassCSP ? "without" : "with"} a content security policy`,
    { timeout: 300_000 },
    async () => {
      for (let from = 0; from < payloads.length; from += PER_CONVERSATION) {
        await using web = await openWeb({ bypassCSP });
        const chat = chatOn(web.page);
        for (const [index, payload] of payloads.slice(from, from + PER_CONVERSATION).entries()) {
          const question = `payload ${from + index} ${String(bypassCSP)}`;
          web.model.script(question, { text: pieces(payload), pauseMs: 4 });
          await chat.send(question);
          await chat.answered(index + 1);
          expect(await harmOn(web.page), payload).toEqual([]);
        }
        expect(new URL(web.page.url()).origin).toBe(web.origin);
      }
    },
  );
}
