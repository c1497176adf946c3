import type { Broker, NatsCluster, Service } from "@parley/testkit";
import type { MemberKind } from "../faults/fault.ts";

/** Takeovers take seconds, not the half minute of a deployment. The same for all processes: whoever starts sets the streams up. */
export const ackWaitMs = 2_000;

interface Ground {
  readonly nats: NatsCluster;
  readonly redis: Broker;
  readonly model: Service;
  readonly jwtSecret: string;
  readonly counterFile: string;
}

/** The settings of a process of that kind; all other times are scaled to the ack wait. */
export function environmentOf(kind: MemberKind, ground: Ground): Record<string, string> {
  const common = {
    NATS_URL: ground.nats.url,
    REDIS_URL: ground.redis.url,
    STREAM_REPLICAS: String(ground.nats.servers.length),
    ACK_WAIT_MS: String(ackWaitMs),
    LOG_LEVEL: "warn",
  };
  if (kind === "edge") return { ...common, AUTH_DEV: "1", AUTH_JWT_SECRET: ground.jwtSecret };
  if (kind === "tool") {
    const demo = { DEMO_TOOLS: "1", DEMO_COUNTER_FILE: ground.counterFile };
    return { ...common, ...demo, LOCK_MS: "3000", STALLED_CHECK_MS: "1000" };
  }
  return {
    ...common,
    // The same faults for transcripts that are written in the other version: `RECORD_FORMAT=1 npm run chaos`.
    RECORD_FORMAT: process.env["RECORD_FORMAT"] ?? "auto",
    OPENAI_BASE_URL: `http://127.0.0.1:${ground.model.port}/v1`,
    OPENAI_API_KEY: "simulated",
    OPENAI_MODEL: "parley-simulated",
    JANITOR_MS: "2000",
    // Scenarios kill far more often than the default allows for; the one about lost workers sets its own.
    MAX_ATTEMPTS: "100",
  };
}
