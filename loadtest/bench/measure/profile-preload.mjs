import { renameSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector";

// Loaded into a service before its own code (NODE_OPTIONS): the first SIGUSR2 begins a profile, the second writes it.
const session = new Session();
session.connect();
session.post("Profiler.enable");
session.post("Profiler.setSamplingInterval", { interval: 500 });

function write() {
  session.post("Profiler.stop", (error, result) => {
    if (error !== null) return;
    const file = process.env.PROFILE_FILE ?? "service.cpuprofile";
    writeFileSync(`${file}.part`, JSON.stringify(result.profile));
    renameSync(`${file}.part`, file);
  });
}

process.once("SIGUSR2", () => {
  session.post("Profiler.start");
  process.once("SIGUSR2", write);
});
