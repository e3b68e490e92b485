/** Builds the Worker once, as `wrangler deploy` would. Vitest runs it before the black-box tests. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";

export const BUILT_WORKER = join(import.meta.dirname, "../../dist/test/worker.js");

export function setup(): void {
  const wrangler = join(import.meta.dirname, "../../node_modules/wrangler/bin/wrangler.js");
  const config = join(import.meta.dirname, "wrangler.toml");
  const args = [wrangler, "deploy", "--dry-run", "--outdir", join(BUILT_WORKER, ".."), "--config", config];
  execFileSync(process.execPath, args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, WRANGLER_LOG: "error" },
  });
}
