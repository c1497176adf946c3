import { z } from "zod";
import { ObjectName } from "../namespace-rule.ts";

/** What can be said of an object that is to be written. Each kind takes some of these; see `kindParams`. */

/** Kubernetes' rule for quantities, without the exponents that nobody writes. */
const Quantity = z
  .string()
  .max(20)
  .regex(/^\d+(?:\.\d+)?(?:m|[KMGTPE]i?|k)?$/, "is not a quantity such as 250m or 1Gi");
const Port = z.int().min(1).max(65_535);
const Count = z.int().min(0).max(1_000);
const Text = z.string().max(1_024);
const Labels = z.record(z.string().max(317), z.string().max(63));
/** The name of an image is checked where it is run; here only that it is one word. */
const Image = z
  .string()
  .max(512)
  .regex(/^[^\s"'`$\\]+$/, "is not the name of an image");

const pod = {
  image: Image.describe("Image of the container, with a tag."),
  command: z.array(Text).max(64).optional().describe("What it runs, each word an item; the image's own if left out."),
  args: z.array(Text).max(64).optional().describe("Arguments of the command."),
  port: Port.optional().describe("On which the container listens."),
  probePath: z
    .string()
    .max(256)
    .regex(/^\//)
    .optional()
    .describe("HTTP path that says whether it is well; without one the port is tried."),
  env: z.record(z.string().max(253), Text).optional().describe("Variables; never passwords, see secretEnv."),
  secretEnv: z
    .record(z.string().max(253), z.string().regex(/^[a-z0-9.-]{1,253}\/[\w.-]{1,253}$/, "is not secret/key"))
    .optional()
    .describe('Variables from Secrets, such as {"DB_PASSWORD":"db/password"}.'),
  labels: Labels.optional().describe("More labels of the object."),
  cpu: Quantity.default("100m").describe("CPU that is asked for."),
  memory: Quantity.default("128Mi").describe("Memory that is asked for, and the limit."),
  cpuLimit: Quantity.optional().describe("CPU limit; none if left out."),
  runAsRoot: z.boolean().default(false).describe("The image only runs as root."),
  writable: z.boolean().default(true).describe("false: the container cannot write to its own file system."),
  serviceAccount: ObjectName.optional().describe("Under which its pods ask the cluster; else they cannot."),
};

const replicas = Count.default(2).describe("How many pods.");
const StorageSize = Quantity.describe("Size of the storage.");

export const kindParams = {
  Deployment: z.strictObject({ ...pod, replicas }),
  StatefulSet: z.strictObject({
    ...pod,
    replicas: replicas.default(1),
    serviceName: ObjectName.optional().describe("Headless Service of its pods; its own name if left out."),
    storage: StorageSize.optional(),
    storageClass: ObjectName.optional().describe("Storage class; the cluster's default if left out."),
    mountPath: z.string().max(256).regex(/^\//).default("/data").describe("Where the storage is."),
  }),
  Job: z.strictObject({
    ...pod,
    backoffLimit: z.int().min(0).max(20).default(3).describe("How often it is tried again."),
    deadlineSeconds: z.int().min(1).max(604_800).default(3_600).describe("After which it is given up."),
    ttlSeconds: z.int().min(0).max(2_592_000).default(86_400).describe("After which a Job that ended is deleted."),
  }),
  CronJob: z.strictObject({
    ...pod,
    schedule: z
      .string()
      .max(100)
      .regex(/^(?:@(?:yearly|annually|monthly|weekly|daily|midnight|hourly)|\S+(?: \S+){4})$/, "is not a schedule")
      .describe('When, as in cron: "0 3 * * *".'),
    timeZone: z.string().max(64).default("Etc/UTC").describe("Of the schedule."),
    backoffLimit: z.int().min(0).max(20).default(3).describe("How often it is tried again."),
    deadlineSeconds: z.int().min(1).max(604_800).default(3_600).describe("After which a run is given up."),
  }),
  Service: z.strictObject({
    port: Port.default(80).describe("Of the Service."),
    targetPort: Port.optional().describe("Of its pods; the same if left out."),
    selector: Labels.optional().describe('Labels of its pods; {"app": its name} if left out.'),
    type: z.enum(["ClusterIP", "NodePort", "LoadBalancer"]).default("ClusterIP").describe("Who can reach it."),
    labels: pod.labels,
  }),
  Ingress: z.strictObject({
    host: z
      .string()
      .max(253)
      .regex(/^(?:\*\.)?[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/, "is not a host")
      .describe("Its host."),
    serviceName: ObjectName.optional().describe("Service behind it; its own name if left out."),
    servicePort: Port.default(80).describe("Port of the Service."),
    path: z.string().max(256).regex(/^\//).default("/").describe("Beginning of the paths."),
    className: ObjectName.optional().describe("Ingress class; the cluster's default if left out."),
    tlsSecret: ObjectName.optional().describe("Secret with the certificate; without one there is no HTTPS."),
    labels: pod.labels,
  }),
  ConfigMap: z.strictObject({
    data: z.record(z.string().regex(/^[\w.-]{1,253}$/), z.string().max(32_768)).describe("Its entries; no passwords."),
    labels: pod.labels,
  }),
  Secret: z.strictObject({
    keys: z
      .array(z.string().regex(/^[\w.-]{1,253}$/))
      .min(1)
      .max(50)
      .describe("Names of its entries. Their values are put in by a person: what stands in a chat is kept."),
    type: z
      .string()
      .max(253)
      .regex(/^[\w./-]+$/)
      .default("Opaque")
      .describe("Type of the Secret."),
    labels: pod.labels,
  }),
  PersistentVolumeClaim: z.strictObject({
    storage: StorageSize,
    storageClass: ObjectName.optional().describe("Storage class; the cluster's default if left out."),
    accessMode: z
      .enum(["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"])
      .default("ReadWriteOnce")
      .describe("Who may use it at a time."),
    labels: pod.labels,
  }),
  HorizontalPodAutoscaler: z
    .strictObject({
      target: ObjectName.optional().describe("Deployment that it scales; its own name if left out."),
      minReplicas: Count.min(1).default(2).describe("Fewest pods."),
      maxReplicas: Count.min(1).default(10).describe("Most pods."),
      cpuPercent: z.int().min(1).max(1_000).default(80).describe("Of the CPU that is asked for, on average."),
      labels: pod.labels,
    })
    .refine(({ minReplicas, maxReplicas }) => minReplicas <= maxReplicas, {
      path: ["maxReplicas"],
      error: "is below minReplicas",
    }),
  NetworkPolicy: z.strictObject({
    selector: Labels.optional().describe('Labels of the pods that it protects; {"app": its name} if left out.'),
    allowFrom: Labels.optional().describe("Labels of the pods of the namespace that may reach them; none if left out."),
    port: Port.optional().describe("The only one that may be reached; all if left out."),
    labels: pod.labels,
  }),
} as const;

export type GeneratedKind = keyof typeof kindParams;
export type ParamsOf<Kind extends GeneratedKind> = z.output<(typeof kindParams)[Kind]>;
export type PodParams = z.output<z.ZodObject<typeof pod>>;

/** `Deployment: image, command, …` for each kind, needed ones marked. */
export function paramsText(): string {
  return Object.entries(kindParams)
    .map(([kind, schema]) => {
      const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: "input" });
      return `${kind}: ${Object.keys(properties)
        .map((name) => (required.includes(name) ? `${name}*` : name))
        .join(", ")}`;
    })
    .join("; ");
}
