import { fileLimits } from "@parley/protocol";
import { httpAddress, optionalText, secret, StartError, wholeNumber } from "@parley/runtime";
import { z } from "zod";
import { defaultFileStoreBytes, type FileStoreOptions } from "./file-store-choice.ts";
import { defaultFileTypes } from "./file-type.ts";
import { defaultFileBytes, type FilesOptions } from "./files.ts";

/** A small bucket for a small machine. */
const leastStoreBytes = 16 * 2 ** 20;
const kindOrType = /^[a-z]+\/(?:\*|[a-z0-9][a-z0-9.+-]*\*?)$/;
const clamdAddress = /^(?<host>[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]):(?<port>\d{1,5})$/;

/** Where files are, and which are taken. The same for all processes of a deployment: edges, agent workers and tool workers. */
export function fileFields() {
  return {
    FILE_STORE: z
      .enum(["nats", "s3"], { error: "must be nats or s3" })
      .default("nats")
      .describe("Where the bytes of files are: in a bucket at NATS, or in one at a server that speaks S3."),
    FILE_STORE_MAX_BYTES: wholeNumber(leastStoreBytes)
      .default(defaultFileStoreBytes)
      .describe("Disk that the bucket at NATS may use, where this process makes it. Full: no new files."),
    FILE_MAX_BYTES: wholeNumber(1, fileLimits.mostBytes).default(defaultFileBytes).describe("The largest file."),
    FILE_TYPES: z
      .string()
      .default(defaultFileTypes.join(","))
      .transform((text) => text.split(/[\s,]+/).filter((type) => type !== ""))
      .refine((types) => types.length > 0 && types.every((type) => kindOrType.test(type)), {
        error: "must be media types such as image/* or application/pdf, comma-separated",
      })
      .describe("Kinds of files that are taken, by their content: `image/*`, `application/pdf`, …, comma-separated."),
    S3_ENDPOINT: httpAddress().describe(
      "The bucket of files, with `FILE_STORE=s3`: `https://s3.eu-central-1.amazonaws.com/parley`. It has to be there.",
    ),
    S3_REGION: z.string().trim().min(1).default("auto").describe("The region of that bucket."),
    S3_ACCESS_KEY_ID: optionalText().describe("Who asks for it."),
    S3_SECRET_ACCESS_KEY: secret().optional().describe("The key of whoever asks for it."),
    S3_PREFIX: z
      .string()
      .trim()
      .regex(/^(?:[\w.-]+\/)*$/, "must be empty or end in /")
      .default("")
      .describe("Before the name of each object, where the bucket is shared: `parley/`."),
    CLAMD_ADDRESS: z
      .string()
      .trim()
      .regex(clamdAddress, "must be host:port, such as clamd:3310")
      .optional()
      .describe(
        "The address of clamd, which looks at each file before anybody gets it; while it cannot be asked no file is taken.",
      ),
  };
}

type FileConfig = z.infer<z.ZodObject<ReturnType<typeof fileFields>>>;

/** The settings of a process (see `fileFields`) as the option `files` of `openBus`. Throws a `StartError` where the bucket is not said. */
export function fileSettings(config: FileConfig): FilesOptions {
  const clamd = clamdAddress.exec(config.CLAMD_ADDRESS ?? "")?.groups;
  return {
    store: storeOptions(config),
    types: config.FILE_TYPES,
    maxBytes: config.FILE_MAX_BYTES,
    ...(clamd === undefined ? {} : { clamd: { host: hostOf(clamd["host"]), port: Number(clamd["port"]) } }),
  };
}

function hostOf(host = ""): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

function storeOptions(config: FileConfig): FileStoreOptions {
  if (config.FILE_STORE === "nats") return { kind: "nats", maxBytes: config.FILE_STORE_MAX_BYTES };
  const { S3_ENDPOINT: endpoint, S3_REGION: region, S3_PREFIX: prefix } = config;
  const { S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = config;
  if (endpoint === undefined || accessKeyId === undefined || secretAccessKey === undefined)
    throw new StartError("FILE_STORE=s3 needs S3_ENDPOINT, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY.");
  return { kind: "s3", endpoint, region, accessKeyId, secretAccessKey, prefix };
}
