/**
 * That a process killed in the middle of a migration leaves an account's file whole: the next one finds version 1's
 * tables or today's, never something between, and finishes what was begun.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { apply, open, read } from "../../src/ledger/ledger.ts";
import { expectSoundBooks } from "../ledger/books.ts";
import { captureOf, grantOf, holdOf, NOW, refundOf, voidOf } from "../support/command.ts";
import { contentsOf } from "../support/store.ts";
import * as v1 from "./ledger-1.js";
import { fileStore } from "./file-store.ts";

const folder = mkdtempSync(join(tmpdir(), "farebox-killed-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Enough that changing a table's shape does not fit in the few pages that the doomed process may keep to itself. */
const CALLS = 300;
const written = join(folder, "written.sqlite");

function writeAs1(): void {
  const store = fileStore(written);
  store.transaction(() => undefined);
  const nested = { ...store, transaction: <T>(block: () => T): T => block() };
  store.transaction(() => {
    v1.apply(nested, grantOf(1000), NOW);
    v1.apply(nested, grantOf(50, { id: "soon", expiresAt: NOW + 5000 }), NOW);
    for (let n = 0; n < CALLS; n++) {
      v1.apply(nested, holdOf(2, { id: `h${n}` }), NOW + n);
      if (n % 3 > 0) v1.apply(nested, captureOf(n % 3, { id: `h${n}` }), NOW + n);
      else if (n % 2 === 0) v1.apply(nested, voidOf(`h${n}`), NOW + n);
    }
    v1.apply(nested, refundOf(1, { holdId: "h1" }), NOW + CALLS);
  });
  store.close();
}

/** Opens the file with today's rules and kills itself at its `n`th statement: before it, or after it was carried out. */
const DOOMED = `
  import { open } from ${JSON.stringify(join(import.meta.dirname, "../../src/ledger/ledger.ts"))};
  import { fileStore } from ${JSON.stringify(join(import.meta.dirname, "file-store.ts"))};
  const [path, n] = process.argv.slice(1);
  const store = fileStore(path);
  // So that what it writes reaches the file before it is committed, and has to be undone by whoever comes next.
  store.exec("PRAGMA cache_size = 2");
  store.exec("PRAGMA cache_spill = 2");
  let left = Number(n);
  open({
    ...store,
    exec(...said) {
      const rows = store.exec(...said);
      if (--left === 0) process.kill(process.pid, "SIGKILL");
      return rows;
    },
  });
  process.exitCode = 9;`;

it("leaves what version 1 wrote or what today's code made of it, killed after any statement, and loses nothing", () => {
  writeAs1();
  const source = fileStore(written);
  const before = contentsOf(source);
  source.close();
  const finished = join(folder, "finished.sqlite");
  cpSync(written, finished);
  const unharmed = fileStore(finished);
  open(unharmed);
  const wanted = contentsOf(unharmed);
  const view = read(unharmed, { read: "account" }, NOW + CALLS);
  unharmed.close();

  let [kills, undone] = [0, 0];
  for (let n = 1; ; n++) {
    const path = join(folder, `${n}.sqlite`);
    cpSync(written, path);
    const { status, signal } = spawnSync(process.execPath, ["--input-type=module", "--eval", DOOMED, path, `${n}`]);
    if (status === 9) break;
    expect(signal).toBe("SIGKILL");
    kills += 1;
    if (existsSync(`${path}-journal`)) undone += 1;
    const store = fileStore(path);
    expect(contentsOf(store)).toEqual(before);
    open(store);
    expect(contentsOf(store)).toEqual(wanted);
    expectSoundBooks(store);
    expect(read(store, { read: "account" }, NOW + CALLS)).toEqual(view);
    expect(apply(store, captureOf(1, { id: "h3" }), NOW + CALLS)).toMatchObject({ kind: "captured", replayed: false });
    store.close();
    rmSync(path);
  }
  expect(kills).toBeGreaterThan(10);
  // It had begun to write: what was found had to be put back first.
  expect(undone).toBeGreaterThan(5);
}, 60_000);
