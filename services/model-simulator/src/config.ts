import { decimalNumber, host, logFormat, logLevel, nodeEnv, port } from "@parley/runtime";
import { z } from "zod";

export const Config = z.object({
  NODE_ENV: nodeEnv(),
  HOST: host().describe("The address to listen on."),
  PORT: port().default(8090).describe("The port to listen on; 0 takes a free one."),
  SIM_TOKENS_PER_SECOND: decimalNumber(0, 100_000)
    .default(40)
    .describe("How fast answers are written; 0 is as fast as the reader takes them."),
  LOG_LEVEL: logLevel(),
  LOG_FORMAT: logFormat(),
});
