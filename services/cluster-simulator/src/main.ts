import { createLifecycle, createLogger, listen, readConfig, runMain } from "@parley/runtime";
import { createUsers } from "./access/users.ts";
import { createCertificates } from "./certificates.ts";
import { createClock } from "./clock.ts";
import { createCluster } from "./cluster.ts";
import { Config } from "./config.ts";
import { kubeconfigText, writeKubeconfig } from "./kubeconfig.ts";
import { createClusterServer } from "./server.ts";

const SERVICE = "cluster-simulator";
const SHUTDOWN_MS = 5_000;

runMain(SERVICE, async ({ env }) => {
  const config = readConfig(Config, env);
  const log = createLogger({ service: SERVICE, level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  await using lifecycle = createLifecycle({ log, shutdownMs: SHUTDOWN_MS });

  const cluster = createCluster(createClock(config.SIM_CLOCK));
  const users = createUsers();
  const certificates = await createCertificates();
  const simulator = createClusterServer({ cluster, users, certificates, log });
  const listener = await listen(simulator.server, { host: config.HOST, port: config.PORT, variable: "PORT" });
  lifecycle.use("api server", listener.close);
  lifecycle.use("delayed answers", simulator.stop);

  const address = `https://${config.HOST}:${listener.port}`;
  await writeKubeconfig(config.KUBECONFIG_OUT, kubeconfigText(address, certificates.caCert, users));
  log.info({ address, kubeconfig: config.KUBECONFIG_OUT }, "the simulated cluster is ready");
  await lifecycle.untilStopped();
});
