/**
 * `npm run check`: every property the code must have apart from passing its tests, one step a property.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const root = join(import.meta.dirname, "..");
const bundle = join(root, "dist/worker");
/** What a Worker weighs decides how fast it starts. */
const BUNDLE_GZIP_KIB_MAX = 60;

const STEPS: readonly (readonly [property: string, command: string, ...args: string[]])[] = [
  ["the Worker's types hold", "tsc", "-p", "tsconfig.json"],
  ["the tests' and scripts' types hold", "tsc", "-p", "tsconfig.node.json"],
  ["no lint, no un-awaited call", "oxlint", "--type-aware", "--deny-warnings"],
  ["formatted", "oxfmt", "--check"],
  ["no dead code, no unused dependency", "knip"],
  ["it deploys (dry run)", "wrangler", "deploy", "--dry-run", "--minify", "--outdir", bundle],
];

let failed = 0;
for (const [property, command, ...args] of STEPS) {
  const { status, stdout, stderr } = spawnSync(join(root, "node_modules/.bin", command), args, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, WRANGLER_SEND_METRICS: "false" },
  });
  report(property, status === 0);
  if (status !== 0) console.log(stdout + stderr);
}
const kib = bundleGzipKib();
report(
  `the bundle is ${kib.toFixed(1)} KiB gzipped, of at most ${BUNDLE_GZIP_KIB_MAX}`,
  kib > 0 && kib <= BUNDLE_GZIP_KIB_MAX,
);
console.log(`checks: ${STEPS.length + 1 - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function report(property: string, holds: boolean): void {
  if (!holds) failed += 1;
  console.log(`${holds ? "✓" : "✗"} ${property}`);
}

function bundleGzipKib(): number {
  const files = readdirSync(bundle).filter((name) => name.endsWith(".js"));
  return files.reduce((sum, name) => sum + gzipSync(readFileSync(join(bundle, name))).length, 0) / 1024;
}
