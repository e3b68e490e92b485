/**
 * `npm run check-config`: what the gate would say of farebox.config.ts, wrangler.toml's bindings and the secrets of
 * .dev.vars, without starting anything.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { unstable_readConfig } from "wrangler";
import type { Config } from "../src/config.ts";
import { setUp } from "../src/setup.ts";

const root = join(import.meta.dirname, "..");
const config = await readConfig();
const wrangler = unstable_readConfig({ config: `${root}/wrangler.toml` });
const secrets = existsSync(`${root}/.dev.vars`) ? parseEnv(readFileSync(`${root}/.dev.vars`, "utf8")) : {};
const env: Record<string, unknown> = { ...wrangler.vars, ...secrets };
// Stand-ins: whether a binding is there is all that is asked of it.
for (const { binding } of wrangler.kv_namespaces) env[binding] = { get: notCalled };
for (const { name } of wrangler.durable_objects.bindings) env[name] = { getByName: notCalled };
for (const { binding } of wrangler.services ?? []) env[binding] = { fetch: notCalled };

const setup = await setUp(config, env);
if (setup.ok) console.log(`farebox.config.ts is right: ${Object.keys(config.prices).length} prices.`);
else {
  for (const { key, problem, mend } of setup.mistakes) console.error(`${key} ${problem}\n  → ${mend}`);
  if (!existsSync(`${root}/.dev.vars`))
    console.error("There is no .dev.vars: npm start makes one with secrets for local work.");
  process.exitCode = 1;
}

async function readConfig(): Promise<Config> {
  try {
    return (await import("../farebox.config.ts")).default;
  } catch (error) {
    console.error(`farebox.config.ts cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}

function notCalled(): never {
  throw new Error("check-config starts nothing");
}
