const dayMs = 86_400_000;

/** The settings of a process (see `brokerFields`) as the options of `openBus`. */
export function streamSettings(config: {
  SHARDS: number;
  STREAM_REPLICAS: number;
  EVENTS_MAX_BYTES: number;
  EVENT_WINDOW_MS: number;
  FACTS_MAX_BYTES: number;
  AUDIT_DAYS?: number;
  AUDIT_MAX_BYTES?: number;
}) {
  const { SHARDS: shards, STREAM_REPLICAS: replicas, EVENTS_MAX_BYTES: eventsMaxBytes } = config;
  const { EVENT_WINDOW_MS: eventWindowMs, FACTS_MAX_BYTES: factsMaxBytes } = config;
  const { AUDIT_DAYS: days, AUDIT_MAX_BYTES: auditMaxBytes } = config;
  const audit = {
    ...(days === undefined ? {} : { auditKeepMs: days * dayMs }),
    ...(auditMaxBytes === undefined ? {} : { auditMaxBytes }),
  };
  return { shards, replicas, eventsMaxBytes, eventWindowMs, factsMaxBytes, ...audit };
}
