/** As much of the package as the tests need: its own types would bring those of Koa. */
declare module "oidc-provider" {
  import type { RequestListener, Server } from "node:http";

  export interface Account {
    readonly accountId: string;
    claims(): Promise<{ readonly sub: string; readonly [claim: string]: unknown }>;
  }

  export interface Token {
    readonly accountId: string;
    readonly aud?: string | readonly string[];
    readonly grantId: string;
    readonly isExpired: boolean;
    destroy(): Promise<void>;
  }

  export class Provider {
    constructor(issuer: string, configuration: object);
    listen(port: number, host: string, ready: () => void): Server;
    callback(): RequestListener;
    readonly AccessToken: { find(token: string): Promise<Token | undefined> };
    readonly Grant: { find(id: string): Promise<{ destroy(): Promise<void> } | undefined> };
    on(event: string, listener: (...parts: unknown[]) => void): this;
  }
}
