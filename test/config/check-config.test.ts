/** `npm run check-config`: silent about a config that is right, and a list of what to change about one that is not. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import ownConfig from "../../farebox.config.ts";
import { ensureDevVars } from "../../scripts/secrets.ts";
import { checkConfig } from "../../src/config/check.ts";
import { told } from "./right.ts";

const root = join(import.meta.dirname, "../..");
type Run = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Runs the command in a copy of the checkout with some files written anew. */
async function run(files: Readonly<Record<string, string>> = {}, secrets = true): Promise<Run> {
  // Under dist/ it finds node_modules, and git and the linter do not find it.
  const copy = mkdtempSync(join(root, "dist", "check-config-"));
  try {
    for (const name of ["src", "scripts", "farebox.config.ts", "wrangler.toml", "package.json"])
      cpSync(join(root, name), join(copy, name), { recursive: true });
    if (secrets) ensureDevVars(join(copy, ".dev.vars"));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(copy, name), text);
    const env = { ...process.env, WRANGLER_SEND_METRICS: "false", NO_COLOR: "1" };
    return await promisify(execFile)("npm", ["run", "--silent", "check-config"], { cwd: copy, env }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: Run) => error,
    );
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

const BROKEN = `import { defineConfig, usd } from "./src/config.ts";
export default defineConfig({
  name: "Shop",
  origin: { url: "http://origin.example.com" },
  prices: { "GET /v1/a": usd("0"), "GET /v1/:x": usd("1"), "GET /v1/:y": usd("1") },
  unlistd: "free",
} as never);
`;
const TOO_FINE = BROKEN.replace('usd("0")', 'usd("0.00000001")');
const withoutKv = readFileSync(join(root, "wrangler.toml"), "utf8").replace(
  /\[\[kv_namespaces\]\]\nbinding = "KV"\n/,
  "",
);

let right: Run;
let broken: Run;
let bare: Run;
let tooFine: Run;
beforeAll(async () => {
  mkdirSync(join(root, "dist"), { recursive: true });
  [right, broken] = await Promise.all([run(), run({ "farebox.config.ts": BROKEN })]);
  [bare, tooFine] = await Promise.all([
    run({ "wrangler.toml": withoutKv }, false),
    run({ "farebox.config.ts": TOO_FINE }),
  ]);
}, 60_000);
afterAll(() => {
  expect(withoutKv).not.toContain('binding = "KV"');
});

describe("npm run check-config", () => {
  it("finds nothing in the repository's own config", () => {
    expect(told(checkConfig(ownConfig))).toBe("");
    expect(right).toMatchObject({ code: 0, stderr: "" });
    expect(right.stdout).toContain(`farebox.config.ts is right: ${Object.keys(ownConfig.prices).length} prices.`);
  });

  it("fails on a broken config, with a line and its mend for every mistake", () => {
    expect(broken.code).toBe(1);
    expect(broken.stdout).toBe("");
    expect(broken.stderr.trimEnd().split("\n")).toEqual([
      "unlistd is not a known key",
      expect.stringContaining("known here: name, publicUrl"),
      expect.stringContaining('origin.url is "http://origin.example.com", plain http'),
      expect.stringContaining("insecure: true"),
      'prices["GET /v1/a"] costs 0',
      expect.stringContaining('write "free"'),
      expect.stringContaining('prices["GET /v1/:y"] and "GET /v1/:x" are equally specific'),
      expect.stringContaining("more specific"),
    ]);
  });

  it("fails on missing bindings and secrets, by name", () => {
    expect(bare.code).toBe(1);
    for (const name of ["binding KV is missing", "FAREBOX_ADMIN_TOKEN is missing", "FAREBOX_SIGNING_KEY is missing"])
      expect(bare.stderr).toContain(name);
    expect(bare.stderr).not.toContain("ACCOUNTS");
  });

  it("fails on an amount that cannot be written, and says how to write one", () => {
    expect(tooFine.code).not.toBe(0);
    expect(tooFine.stderr).toContain("at most six decimals");
  });
});
