import { logFormat, logLevel, port } from "@parley/runtime";
import { z } from "zod";

const rateError = "must be a number from 0 to 100000";

export const Config = z.object({
  HOST: z.string().default("127.0.0.1").describe("The address to listen on."),
  PORT: port().default(8090).describe("The port to listen on; 0 takes a free one."),
  SIM_TOKENS_PER_SECOND: z.coerce
    .number({ error: rateError })
    .min(0, { error: rateError })
    .max(100_000, { error: rateError })
    .default(40)
    .describe("How fast answers are written; 0 is as fast as the reader takes them."),
  LOG_LEVEL: logLevel(),
  LOG_FORMAT: logFormat(),
});
