export { type Broker, type NatsOptions, type RedisOptions, startNats, startRedis } from "./brokers.ts";
export { eventually, type EventuallyOptions } from "./eventually.ts";
export { freePort } from "./free-port.ts";
export { startNatsCluster, type NatsCluster } from "./nats-cluster.ts";
export type { ProcessUnderTest } from "./process-under-test.ts";
export { type Service, type ServiceName, startService } from "./service.ts";
export { startSystem, type System, type SystemOptions } from "./system.ts";
export { startTcpProxy, type TcpProxy } from "./tcp-proxy.ts";
export { tempDir, type TempDir } from "./temp-dir.ts";
