import { host, logFormat, logLevel, nodeEnv, port } from "@parley/runtime";
import { z } from "zod";
import { isClockSetting } from "./clock.ts";

export const Config = z.object({
  NODE_ENV: nodeEnv(),
  HOST: host().describe("The address to listen on."),
  PORT: port().default(8091).describe("The port to listen on (TLS); 0 takes a free one."),
  KUBECONFIG_OUT: z.string().min(1).describe("The file to which a kubeconfig for the simulated cluster is written."),
  SIM_CLOCK: z
    .string()
    .refine(isClockSetting, "must be 'real' or a time such as 2026-01-01T12:00:00Z")
    .default("real")
    .describe("The clock of the cluster: 'real', or a time at which it stands still."),
  LOG_LEVEL: logLevel(),
  LOG_FORMAT: logFormat(),
});
