import { kubeconfigFile } from "../setup/run-records.mjs";
import { demoFile, tracesFile } from "../setup/paths.mjs";
import { devSecret } from "./dev-secret.mjs";

export const HOST = "127.0.0.1";

const MODEL_VARIABLES = ["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "OPENROUTER_API_KEY"];
const OPERATOR_VARIABLES = ["KUBE_OPERATOR_KUBECONFIG", "KUBE_OPERATOR_CONTEXT", "KUBE_IMPERSONATE"];
const CLUSTER_VARIABLES = ["KUBECONFIG", "KUBE_CONTEXTS", "KUBE_LABEL", ...OPERATOR_VARIABLES];
const AUTH_VARIABLES = ["AUTH_DEV", "AUTH_JWT_SECRET"];
const BROKER_VARIABLES = ["NATS_URL", "REDIS_URL"];
const PLACES = ["PORT", "ADMIN_PORT", "HOST"];

function isSet(env, name) {
  return env[name] !== undefined && env[name] !== "";
}

function pick(env, names) {
  return Object.fromEntries(names.filter((name) => isSet(env, name)).map((name) => [name, env[name]]));
}

function without(env, names) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));
}

/** What is simulated: that for which the caller has named nothing real. */
export function simulated(env) {
  return {
    model: !["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENROUTER_API_KEY"].some((name) => isSet(env, name)),
    cluster: !isSet(env, "KUBECONFIG"),
  };
}

/** Traces go where the caller wants them, else to a file that `npm run trace` reads. */
function forTraces(env) {
  const isChosen = isSet(env, "OTEL_EXPORTER_OTLP_ENDPOINT") || isSet(env, "TRACES_FILE");
  return isChosen ? {} : { TRACES_FILE: tracesFile };
}

function forAgentWorker(env, modelPort) {
  const beside = {
    ...(isSet(env, "TITLES") ? {} : { TITLES: "first-answer" }),
    ...(isSet(env, "SUMMARIES") ? {} : { SUMMARIES: "on" }),
  };
  if (!simulated(env).model) return { ...beside, ...pick(env, MODEL_VARIABLES) };
  const OPENAI_BASE_URL = `http://${HOST}:${modelPort}/v1`;
  const router = isSet(env, "ROUTER") ? {} : { ROUTER: "model" };
  return { ...beside, ...router, OPENAI_BASE_URL, OPENAI_API_KEY: "simulated", OPENAI_MODEL: "parley-simulated" };
}

/** Demonstrations are for the simulated model, unless the caller says otherwise. */
function forDemos(env) {
  const isChosen = isSet(env, "DEMO_TOOLS");
  if (!isChosen && !simulated(env).model) return {};
  return {
    ...(isChosen ? {} : { DEMO_TOOLS: "1" }),
    ...(isSet(env, "DEMO_COUNTER_FILE") ? {} : { DEMO_COUNTER_FILE: demoFile }),
  };
}

function forToolWorker(env) {
  if (!simulated(env).cluster) return { ...pick(env, CLUSTER_VARIABLES), ...forDemos(env) };
  const access = { KUBECONFIG: kubeconfigFile(process.pid), KUBE_OPERATOR_CONTEXT: "operator" };
  return { ...access, KUBE_LABEL: "simulated cluster", ...forDemos(env) };
}

function forEdge(env) {
  // Production refuses what development gets for nothing.
  const development = env.NODE_ENV === "production" ? {} : { AUTH_DEV: "1", AUTH_JWT_SECRET: devSecret() };
  return { ...development, ...pick(env, AUTH_VARIABLES) };
}

/** The environment of each service: the caller's, without the secrets and addresses that are for another service. */
export function serviceEnvironments({ env, urls, modelPort }) {
  const own = [...MODEL_VARIABLES, ...CLUSTER_VARIABLES, ...AUTH_VARIABLES, ...BROKER_VARIABLES, ...PLACES];
  const common = { LOG_FORMAT: "pretty", ...without(env, own), ...forTraces(env), HOST };
  const connected = { ...common, NATS_URL: urls.nats, REDIS_URL: urls.redis };
  return {
    "model-simulator": common,
    "cluster-simulator": { ...common, KUBECONFIG_OUT: kubeconfigFile(process.pid) },
    "agent-worker": { ...connected, ...forAgentWorker(env, modelPort) },
    "tool-worker": { ...connected, ...forToolWorker(env) },
    edge: { ...connected, ...forEdge(env) },
  };
}
