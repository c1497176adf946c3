import { register } from "node:module";

// Loaded before a service (NODE_OPTIONS=--import=…): rewrites one line of its build, so that no production code knows of this.
register("./rewrite.mjs", import.meta.url, { data: { fault: process.env.PARLEY_PLANTED_FAULT } });
