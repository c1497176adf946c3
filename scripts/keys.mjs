import { runSourceCli } from "./setup/source-cli.mjs";

const usage = `Usage: npm run keys -- create --name NAME --user USER --scopes 'conversation:*' [OPTION…]
       npm run keys -- vapid

  vapid   makes the pair of keys by which browsers know who sends them notices (docs/notices.md), as settings
  create  makes an API key for a server, and prints it once together with its entry for the file; the entry holds only its hash

  --name NAME        of the key: it stands in the log and in metrics, and takes the key back
  --user USER        whose conversations its callers have
  --scopes LIST      actions that it may ask for, comma-separated, or beginnings with * behind them
  --roles LIST       --tenant TENANT
  --expires DATE     such as 2027-01-31; default: never
  --addresses LIST   from where it may be used, such as 10.0.0.0/8; default: from everywhere
  --append FILE      also adds the entry to the file, such as config/api-keys.yaml, which edges read within 2 s

       npm run keys -- rewrap    encryption at rest: wraps data keys by the master keys that count now (docs/encryption.md)
       npm run keys -- status    which master keys are in use, and how much of what is stored is encrypted

  NATS_URL and ENCRYPTION_KEYS_FILE, … as for the services. With roles at the broker: the user operator.`;

await runSourceCli("keys/main.ts", usage);
