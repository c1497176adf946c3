/** What a run is asked to be; the scenario gives what the command does not. */
export interface LoadOptions {
  readonly users: number;
  /** Of scenarios with rooms: how many, and the people in each; `users` is the product. */
  readonly rooms?: number;
  readonly people?: number;
  /** Of these, how many chat, where the scenario has others too. */
  readonly active: number;
  readonly seconds: number;
  readonly edges: number;
  readonly agents: number;
  readonly tokens: number;
  readonly rate: number;
  readonly thinkMs: number;
}
