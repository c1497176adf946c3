import { z } from "zod";

/** To what a message replies, and whom it addresses. Of what is stored, and of events. */
export const addressFields = {
  reply_to: z.string().optional().describe("The message it replies to."),
  mentions: z.array(z.string()).optional().describe("The users whom it addresses."),
};
