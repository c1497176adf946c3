// Started by `start.mjs` with its own process number. Waits, as a shell of one megabyte would, for nothing: it is run by
// that shell once start.mjs has died without stopping its processes (kill -9).
import { readRun } from "../setup/run-records.mjs";
import { removeLeftovers } from "./leftovers.mjs";

const record = readRun(Number(process.argv[2]));
if (record !== undefined) await removeLeftovers(record);
