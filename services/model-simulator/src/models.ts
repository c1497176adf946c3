/** The models on offer; `speed` multiplies the token rate. Each name says that nothing real is behind it. */
const MODELS = [
  { id: "parley-simulated", speed: 1 },
  { id: "parley-simulated-fast", speed: 5 },
] as const;

/** A fixed date, so that the list is the same on every start. */
const CREATED = 1_767_225_600;

export function findModel(id: string): { id: string; speed: number } | undefined {
  return MODELS.find((model) => model.id === id);
}

export function modelBody(id: string) {
  return { id, object: "model", created: CREATED, owned_by: "parley-simulated" };
}

export function modelListBody(): string {
  return JSON.stringify({ object: "list", data: MODELS.map(({ id }) => modelBody(id)) });
}
