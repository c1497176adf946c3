export { queue, type QueuedTurn } from "@parley/protocol/fold";
