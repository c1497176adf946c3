import type { Scenario } from "../scenario.ts";
import { agentsFrozen, agentsKilled, agentsRestarted, workerLost, workerPartitioned } from "./agents.ts";
import {
  eventsDeleted,
  eventsForgotten,
  natsFrozen,
  natsRestarted,
  natsServersFrozen,
  natsServersKilled,
  redisDown,
  redisEmptied,
  redisRestarted,
} from "./brokers.ts";
import { calm, churn, clientsCut, manyDevices, repeats, slowViewers } from "./clients.ts";
import {
  copiesLate,
  copiesOvertaken,
  copiesOvertakenAtOneEdge,
  copiesTorn,
  endsOvertaken,
  leadersMoved,
} from "./copies.ts";
import { waitsEdgesPartitioned, waitsServersKilled, waitsWorkersPartitioned } from "./cut-waits.ts";
import { dialects } from "./dialects.ts";
import { edgePartitioned, edgesKilled, edgesRestarted } from "./edges.ts";
import { rooms } from "./rooms.ts";
import { toolWorkersFrozen, toolWorkersKilled, toolWorkersRestarted } from "./tools.ts";
import { busyPolicies, cancelStorm, modelMisbehaves, queues, weather } from "./turns.ts";
import { waits, waitsBrokerKilled, waitsExpire, waitsForgotten, waitsUnderKills } from "./waits.ts";

/** In the order in which they run. */
export const scenarios: readonly Scenario[] = [
  calm,
  agentsKilled,
  agentsFrozen,
  agentsRestarted,
  workerPartitioned,
  workerLost,
  edgesKilled,
  edgesRestarted,
  edgePartitioned,
  clientsCut,
  manyDevices,
  slowViewers,
  churn,
  dialects,
  rooms,
  repeats,
  endsOvertaken,
  copiesLate,
  copiesOvertaken,
  copiesOvertakenAtOneEdge,
  copiesTorn,
  leadersMoved,
  cancelStorm,
  queues,
  busyPolicies,
  modelMisbehaves,
  natsRestarted,
  natsFrozen,
  natsServersKilled,
  natsServersFrozen,
  redisRestarted,
  redisEmptied,
  redisDown,
  eventsDeleted,
  eventsForgotten,
  toolWorkersKilled,
  toolWorkersFrozen,
  toolWorkersRestarted,
  waits,
  waitsUnderKills,
  waitsBrokerKilled,
  waitsForgotten,
  waitsExpire,
  waitsServersKilled,
  waitsWorkersPartitioned,
  waitsEdgesPartitioned,
  weather,
];
