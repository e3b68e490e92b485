/**
 * `npm run growth`: what a charge costs as an account grows old and busy, in a real object over SQLite on disk.
 *
 * Times are only ever compared with those of an empty account, measured turn by turn in the same run: the machine's
 * moods then meet both. Rows and bytes need no such care. How to read the tables is in README.md beside this file.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import type { Sizes } from "./growth-worker.ts";

const DAY = 86_400_000;
const SAMPLES = Number(process.env["GROWTH_SAMPLES"] ?? 300);
const ROUNDS = 3;
const FILL_BATCH = 2_000;

const root = join(import.meta.dirname, "..");
/** On a disk, for what callers see; in memory (GROWTH_FOLDER=/dev/shm), for what the work itself costs. */
if (!Number.isSafeInteger(SAMPLES) || SAMPLES < 1) {
  console.error("GROWTH_SAMPLES is not a whole number of 1 or more.");
  process.exit(2);
}
const folder = mkdtempSync(join(process.env["GROWTH_FOLDER"] ?? tmpdir(), "farebox-growth-"));
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => {
    rmSync(folder, { recursive: true, force: true });
    process.exit(130);
  });
console.log("This takes five to ten minutes.");
const miniflare = start();
const url = (await miniflare.unsafeGetDirectURL("growth")).origin;
function start(): Miniflare {
  const built = join(root, "dist/growth");
  const wrangler = join(root, "node_modules/wrangler/bin/wrangler.js");
  const args = [
    wrangler,
    "deploy",
    "--dry-run",
    "--outdir",
    built,
    "--config",
    join(import.meta.dirname, "wrangler.toml"),
  ];
  execFileSync(process.execPath, args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, WRANGLER_LOG: "error" },
  });
  const worker = {
    name: "growth",
    modules: true as const,
    script: readFileSync(join(built, "growth-worker.js"), "utf8"),
    compatibilityDate: "2026-10-20",
    durableObjects: { ACCOUNTS: { className: "GrowingAccount", useSQLite: true } },
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  };
  return new Miniflare({ ...convertV4MiniflareOptions(worker), resourcePersistencePath: folder });
}

async function ask<T>(account: string, method: string, ...said: unknown[]): Promise<T> {
  const response = await fetch(url, { method: "POST", body: JSON.stringify([account, method, ...said]) });
  if (!response.ok) throw new Error(`${method}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

async function fill(account: string, what: string, first: number, count: number, from: number): Promise<Sizes> {
  let sizes = await ask<Sizes>(account, "fill", what, first, 0, from);
  for (let n = 0; n < count; n += FILL_BATCH)
    sizes = await ask<Sizes>(account, "fill", what, first + n, Math.min(FILL_BATCH, count - n), from);
  return sizes;
}

let charges = 0;
/** Charges the account once, as the gate does, and says how many milliseconds that took. */
async function charge(account: string, key?: string): Promise<number> {
  charges += 1;
  const path = `/charge/${encodeURIComponent(account)}/charge-${charges}${key === undefined ? "" : `/${key}`}`;
  const begun = performance.now();
  const response = await fetch(url + path);
  const kinds = await response.text();
  if (kinds !== '["held","captured"]') throw new Error(`${account}: ${response.status} ${kinds}`);
  return performance.now() - begun;
}

const quantile = (times: readonly number[], q: number): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length * q)] ?? NaN;
const median = (values: readonly number[]): number => quantile(values, 0.5);

type Times = { readonly p50: number; readonly p99: number };
const timesOf = (times: readonly number[]): Times => ({ p50: quantile(times, 0.5), p99: quantile(times, 0.99) });
type Compared = Times & { readonly ratio50: number; readonly ratio99: number };

/** Charges the account and empty ones in turns, a new empty one every round. */
async function compare(account: string, isKeyed = false): Promise<Compared> {
  const [beside, own]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    const empty = `empty beside ${account} in ${round}, after ${charges}`;
    await ask(empty, "fill", "calls", 0, 0, Date.now());
    for (let n = 0; n < SAMPLES; n++) {
      const turns: readonly (readonly [string, number[]])[] = [
        [empty, beside],
        [account, own],
      ];
      for (const [name, heard] of n % 2 === 0 ? turns : turns.toReversed())
        heard.push(await charge(name, isKeyed ? `key-${charges}` : undefined));
    }
  }
  const [base, grown] = [timesOf(beside), timesOf(own)];
  return { ...grown, ratio50: grown.p50 / base.p50, ratio99: grown.p99 / base.p99 };
}

function say(...cells: (string | number)[]): void {
  console.log(`| ${cells.join(" | ")} |`);
}
function title(text: string, ...columns: string[]): void {
  console.log(`\n${text}\n`);
  say(...columns);
  say(...columns.map(() => "---"));
}
const whole = (n: number): string => n.toLocaleString("en");
const ms = (n: number): string => n.toFixed(2);
const times = (n: number): string => `${n.toFixed(2)}×`;
const mb = (n: number): string => `${(n / 1e6).toFixed(1)} MB`;
const TIMED = ["p50 ms", "p99 ms", "p50 to empty", "p99 to empty"];

async function timed(account: string, isKeyed = false): Promise<string[]> {
  const { p50, p99, ratio50, ratio99 } = await compare(account, isKeyed);
  return [ms(p50), ms(p99), times(ratio50), times(ratio99)];
}

async function printCurve(): Promise<void> {
  title(
    "A charge after so many entries",
    "entries",
    ...TIMED,
    "rows read",
    "rows written",
    "bytes a charge",
    "database",
  );
  let calls = 0;
  let before = await ask<Sizes>("old", "fill", "calls", 0, 0, Date.now());
  for (const entries of [0, 1_000, 10_000, 50_000, 200_000]) {
    const added = Math.floor(entries / 2) - calls;
    const after = await fill("old", "calls", calls, added, Date.now());
    const bytes = added > 0 ? whole(Math.round((after.bytes - before.bytes) / added)) : "–";
    calls += added;
    const rows = await ask<{ read: number; written: number }>("old", "rows", `rows-${entries}`);
    say(whole(entries), ...(await timed("old")), rows.read, rows.written, bytes, mb(after.bytes));
    before = await ask<Sizes>("old", "sizes");
  }
}

async function printMuch(): Promise<void> {
  title(
    "A charge on an account that has",
    "much of",
    ...TIMED,
    "rows read",
    "rows written",
    "rows of an alarm",
    "database",
  );
  const much: readonly (readonly [what: string, count: number])[] = [
    ["grants", 5_000],
    ["restricted grants", 1_000],
    ["restricted grants, first in order", 1_000],
    ["ended restricted grants", 1_000],
    ["open holds", 9_900],
    ["keys", 100_000],
    ["capped tokens", 20_000],
  ];
  for (const [what, count] of much) {
    const { bytes } = await fill(what, what, 0, count, Date.now());
    const rows = await ask<{ read: number; written: number }>(what, "rows", "rows");
    const cells = await timed(what, what === "keys");
    const alarm = await ask<Ring>(what, "ring", Date.now());
    say(`${whole(count)} ${what}`, ...cells, whole(rows.read), rows.written, whole(alarm.read), mb(bytes));
  }
}

type Ring = { read: number; written: number; done: boolean };
/** Rings until there is nothing left to purge; the milliseconds and rows of each batch. */
async function purge(account: string, now: number): Promise<{ time: number; ring: Ring }[]> {
  const batches: { time: number; ring: Ring }[] = [];
  for (;;) {
    const begun = performance.now();
    const ring = await ask<Ring>(account, "ring", now);
    if (ring.done) return batches;
    batches.push({ time: performance.now() - begun, ring });
  }
}

/** Sixty days of a thousand calls each, the alarm ringing every day. */
async function printCompaction(): Promise<void> {
  const [days, callsADay] = [60, 1_000];
  const begin = Math.floor(Date.now() / DAY) * DAY - days * DAY;
  for (const account of ["kept", "compacted"]) {
    for (let day = 0; day < days; day++) {
      await ask(account, "fill", "calls a day", day * callsADay, callsADay, begin);
      if (account === "compacted") await purge(account, begin + (day + 1) * DAY);
    }
  }
  title(`Sixty days of ${whole(callsADay)} calls`, "alarms", "entries", "holds", "database", ...TIMED);
  for (const [account, rung] of [
    ["kept", "never"],
    ["compacted", "every day"],
  ] as const) {
    const { entries, holds, bytes } = await ask<Sizes>(account, "sizes");
    say(rung, whole(entries), whole(holds), mb(bytes), ...(await timed(account)));
  }
}

/** A day of ten thousand calls falls due, while calls go on. */
async function printPurging(): Promise<void> {
  const calls = 10_000;
  const long = Date.now() - 40 * DAY;
  await fill("due", "calls", 0, calls, long);
  await fill("due too", "calls", 0, calls, long);
  const alone = await purge("due", Date.now());
  const quiet: number[] = [];
  for (let n = 0; n < SAMPLES; n++) quiet.push(await charge("due"));
  const during: number[] = [];
  const purging = { isOver: false };
  const caller = (async () => {
    while (!purging.isOver) during.push(await charge("due too"));
  })();
  const busy = await purge("due too", Date.now());
  purging.isOver = true;
  await caller;
  title(`A day of ${whole(calls)} calls is compacted`, "", "value");
  say("batches", alone.length);
  say(
    "a batch, p50 / longest ms",
    `${ms(median(alone.map(({ time }) => time)))} / ${ms(
      quantile(
        alone.map(({ time }) => time),
        0.999,
      ),
    )}`,
  );
  say("rows of a batch, read / written", `${alone[1]?.ring.read} / ${alone[1]?.ring.written}`);
  say(
    "a charge meanwhile, p50 / longest ms",
    `${ms(median(during))} / ${ms(quantile(during, 0.999))} (${during.length} charges)`,
  );
  say("a charge otherwise, p50 / longest ms", `${ms(median(quiet))} / ${ms(quantile(quiet, 0.999))}`);
  say(
    "a batch with charges between, p50 / longest ms",
    `${ms(median(busy.map(({ time }) => time)))} / ${ms(
      quantile(
        busy.map(({ time }) => time),
        0.999,
      ),
    )}`,
  );
}

try {
  await printCurve();
  await printMuch();
  await printCompaction();
  await printPurging();
} finally {
  await miniflare.dispose();
  rmSync(folder, { recursive: true, force: true });
}
