import { z } from "zod";
import { openEnum } from "./open-enum.ts";

export const Author = z
  .object({
    role: openEnum(["user", "assistant", "operator"]).describe(
      "Who speaks; `operator`: a person who answers in place of the agent.",
    ),
    id: z.string().optional().describe("Of a user or an operator."),
    name: z.string().optional().describe("Of one whose token has a name."),
  })
  .describe("Whoever wrote a message.");
export type Author = z.infer<typeof Author>;
