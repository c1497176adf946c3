import { z } from "zod";

/** A user of a gateway: of its tenant and its issuer, whoever they are there. */
export const OnBehalfOf = z
  .object({
    id: z.string().min(1).max(128).describe("The user's id, as a token of theirs would give it."),
    name: z.string().max(128).optional().describe("As others read it."),
    email: z.string().max(320).optional(),
    roles: z
      .array(z.string().regex(/^[A-Za-z0-9][\w.:@/-]{0,63}$/))
      .max(32)
      .optional()
      .describe("Roles of the user: only those that the gateway's own role lists as `acts_as`. Absent: none."),
  })
  .describe("The user for whom a gateway asks: it needs the right `gateway:act`.");
export type OnBehalfOf = z.infer<typeof OnBehalfOf>;

/** In frames of a gateway. */
export const acting = { on_behalf_of: OnBehalfOf.optional() };

/** In what answers them. */
export const actedFor = {
  on_behalf_of: z.string().optional().describe("The user on whose behalf it was asked, where a gateway did."),
};
