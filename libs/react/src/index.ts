export { ParleyProvider, useClient } from "./provider.ts";
