/** As much of the package as the tests need: its own types would bring those of Koa. */
declare module "oidc-provider" {
  import type { Server } from "node:http";

  export interface Account {
    readonly accountId: string;
    claims(): Promise<{ readonly sub: string; readonly [claim: string]: unknown }>;
  }

  export class Provider {
    constructor(issuer: string, configuration: object);
    listen(port: number, host: string, ready: () => void): Server;
    on(event: string, listener: (...parts: unknown[]) => void): this;
  }
}
