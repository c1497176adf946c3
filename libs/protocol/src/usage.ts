import { z } from "zod";

export const Cost = z
  .object({
    micros: z.number().describe("The amount, in millionths of the currency."),
    currency: z.string().describe("Three letters, such as `USD`."),
    as_of: z.string().describe("The day on which the prices were looked up that it was computed with."),
  })
  .describe("What the models cost, by the prices that the operator has given.");
export type Cost = z.infer<typeof Cost>;

export const Usage = z
  .object({
    input_tokens: z.number().describe("Tokens the model has read, all its steps together."),
    output_tokens: z.number().describe("Tokens the model has written."),
    estimated: z.boolean().optional().describe("Partly counted by us, because the model did not say."),
    cached_tokens: z
      .number()
      .optional()
      .describe("Of the tokens read, those that the provider had kept from earlier requests, where it says so."),
    cost: Cost.optional().describe("Absent: nobody has said what the model costs."),
  })
  .describe("What a turn has cost.");
export type Usage = z.infer<typeof Usage>;
