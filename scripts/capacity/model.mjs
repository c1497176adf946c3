/** What a workload asks of each part, from what was measured. Pure: the same numbers in, the same plan out. */

const MICROS = 1_000_000;
const MILLIS = 1_000;

/** What happens each second in all of the system. */
function flowsOf(users, workload) {
  const { secondsBetweenMessages, tokensPerAnswer, tokensPerSecond, toolCallsPerTurn, toolSeconds } = workload;
  const turns = users / secondsBetweenMessages;
  const writingSeconds = tokensPerAnswer / tokensPerSecond;
  const openTurns = turns * (writingSeconds + toolCallsPerTurn * toolSeconds);
  // Text that comes within one flush interval is one append.
  const appends = turns * writingSeconds * Math.min(tokensPerSecond, MILLIS / workload.flushMs);
  const toolCalls = turns * toolCallsPerTurn;
  return {
    ...{ users, turns, openTurns, appends, toolCalls },
    tokens: turns * tokensPerAnswer,
    frames: appends * workload.viewersPerTurn,
    openToolCalls: toolCalls * toolSeconds,
  };
}

/** Processor cores that one kind of process needs for the flows; `idle` is per socket. */
function coresOf({ turnMs, tokenMicros, toolCallMs }, { turns, appends, toolCalls }, factor = 1) {
  return (turns * turnMs) / MILLIS + (appends * factor * tokenMicros) / MICROS + (toolCalls * toolCallMs) / MILLIS;
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

/** How many processes the largest of several needs asks for, and which need it is. */
function processesFor(needs) {
  const [binding] = needs.toSorted((one, other) => other.processes - one.processes);
  return { processes: Math.max(1, Math.ceil(binding.processes)), binding: binding.name };
}

/** Cores, processes and memory of each part. */
export function planFor(users, { workload, costs, memory, limits }) {
  const flows = flowsOf(users, workload);
  const busy = limits.busyShare;
  const edgeCores =
    coresOf(costs.edge, flows, workload.viewersPerTurn) + users * (costs.edge.idleMicrosPerSocket / MICROS);
  const workerCores = coresOf(costs.worker, flows);
  const toolCores = coresOf(costs.toolWorker, flows);
  const natsCores = coresOf(costs.nats, flows) * (users > limits.singleServerUsers ? costs.nats.replicaFactor : 1);
  const redisCores = coresOf(costs.redis, flows);
  const edge = processesFor([
    { name: "sockets", processes: users / limits.socketsPerEdge },
    { name: "processor", processes: edgeCores / busy },
  ]);
  const worker = processesFor([
    { name: "slots", processes: flows.openTurns / limits.slotsPerWorker },
    { name: "processor", processes: workerCores / busy },
  ]);
  const toolWorker = processesFor([
    { name: "slots", processes: flows.openToolCalls / limits.callsPerToolWorker },
    { name: "processor", processes: toolCores / busy },
  ]);
  const edgeMb =
    memory.edgeBaseMb * edge.processes + (users * memory.socketKb + flows.openTurns * memory.hubKb) / 1_024;
  const workerMb = memory.workerBaseMb * worker.processes + (flows.openTurns * memory.openTurnKb) / 1_024;
  return {
    flows,
    edge: { ...edge, cores: edgeCores, mb: edgeMb },
    worker: { ...worker, cores: workerCores, mb: workerMb },
    toolWorker: { ...toolWorker, cores: toolCores },
    nats: {
      cores: natsCores,
      shards: Math.max(1, Math.ceil(flows.appends / (limits.appendsPerStream * busy))),
      diskGb: (flows.appends * memory.eventBytes * limits.keptSeconds) / 2 ** 30,
    },
    redis: { cores: redisCores },
    cores: sum([edgeCores, workerCores, toolCores, natsCores, redisCores]),
  };
}

/** How much of one process, or one stream, of each kind the workload would take: what is above 1 has to be spread. */
export function strainsOf(users, model) {
  const { flows, edge, worker, toolWorker, redis } = planFor(users, model);
  const { limits } = model;
  return [
    { name: "sockets of one edge", share: users / limits.socketsPerEdge },
    { name: "processor of one edge", share: edge.cores },
    { name: "slots of one agent worker", share: flows.openTurns / limits.slotsPerWorker },
    { name: "processor of one agent worker", share: worker.cores },
    { name: "slots of one tool worker", share: flows.openToolCalls / limits.callsPerToolWorker },
    { name: "processor of one tool worker", share: toolWorker.cores },
    { name: "appends of one event stream", share: flows.appends / limits.appendsPerStream },
    { name: "processor of one Redis", share: redis.cores },
  ].toSorted((one, other) => other.share - one.share);
}
