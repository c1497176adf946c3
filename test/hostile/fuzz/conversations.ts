import { z } from "zod";

const Page = z.object({
  conversations: z.array(z.object({ conversation_id: z.string() })),
  next_cursor: z.string().optional(),
});

/** All conversations of a user, as the list has them. */
export async function conversationsOf(port: number, token: string): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined;) {
    const more: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/conversations?limit=200${more}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const page = Page.parse(await response.json());
    ids.push(...page.conversations.map(({ conversation_id }) => conversation_id));
    cursor = page.next_cursor;
  }
  return ids;
}
