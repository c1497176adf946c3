/** What may be said about a span. Undefined values are left out. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | string[] | undefined>>;

export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer";

export interface ChildSpan {
  /** Of low cardinality: no ids in it. */
  readonly name: string;
  /** Default: `internal`. */
  readonly kind?: SpanKind;
  readonly attributes?: SpanAttributes;
}

export interface RootSpan extends ChildSpan {
  /** W3C `traceparent` of the span that caused this one, from another process. One that cannot be read counts as none. */
  readonly parent?: string | undefined;
}

/**
 * One piece of work. It is passed on explicitly: there is no ambient span, because following one through every promise costs time for
 * every token. After `end` only `child` may be used.
 */
export interface TraceSpan {
  /** Undefined when nothing is recorded. */
  readonly traceId: string | undefined;
  /** The W3C `traceparent` that other processes go on from; undefined when nothing is recorded, so that they record nothing either. */
  readonly traceparent: string | undefined;
  child(span: ChildSpan): TraceSpan;
  set(attributes: SpanAttributes): void;
  /** Points to a span that is not its parent. */
  link(traceparent: string | undefined): void;
  event(name: string, attributes?: SpanAttributes): void;
  /** It failed, with this low-cardinality reason (`error.type`). */
  fail(errorType: string): void;
  end(): void;
}

export interface Tracing {
  start(span: RootSpan): TraceSpan;
  /** Sends what is waiting, for a short while, and stops. Never rejects. */
  close(): Promise<void>;
}

/** Records nothing and costs nothing: what is not sampled, and everything while no exporter is configured. */
export const noSpan: TraceSpan = {
  traceId: undefined,
  traceparent: undefined,
  child: () => noSpan,
  set() {},
  link() {},
  event() {},
  fail() {},
  end() {},
};

export const noTracing: Tracing = { start: () => noSpan, close: () => Promise.resolve() };
