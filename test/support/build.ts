/** Builds the test Workers once, as `wrangler deploy` would. Vitest runs it before the black-box tests. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";

const DIST = join(import.meta.dirname, "../../dist/test");
export const BUILT_WORKER = join(DIST, "worker.js");
export const BUILT_SLOW_WORKER = join(DIST, "slow-worker.js");

export function setup(): void {
  const wrangler = join(import.meta.dirname, "../../node_modules/wrangler/bin/wrangler.js");
  const config = join(import.meta.dirname, "wrangler.toml");
  for (const entry of ["worker.ts", "slow-worker.ts"]) {
    const script = join(import.meta.dirname, entry);
    const args = [wrangler, "deploy", script, "--dry-run", "--outdir", DIST, "--config", config];
    execFileSync(process.execPath, args, {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, WRANGLER_LOG: "error" },
    });
  }
}
