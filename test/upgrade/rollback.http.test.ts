/**
 * That code older than an account's tables refuses and writes nothing, and that the newer code goes on where it was.
 * A roll-back of the objects is then a halt, not a loss.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import type { Row } from "../../src/ledger/store.ts";
import { expectSoundBooks } from "../ledger/books.ts";
import { captureOf, grantOf, holdOf, voidOf } from "../support/command.ts";
import { fileStore } from "./file-store.ts";
import { fileIn, startPair } from "./pair.ts";

const persist = mkdtempSync(join(tmpdir(), "farebox-rollback-"));
afterAll(() => {
  rmSync(persist, { recursive: true, force: true });
});

/** Every row the rules know of; not the platform's own, such as the alarm's. */
function onDisk(): Record<string, Row[]> {
  const store = fileStore(fileIn(persist));
  const tables = store
    .exec<{ name: string }>(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)
    .filter(({ name }) => !name.startsWith("_cf_"));
  const rows = tables.map(({ name }): [string, Row[]] => [name, store.exec(`SELECT * FROM "${name}"`)]);
  store.close();
  return Object.fromEntries(rows);
}

it("older code refuses newer tables with 503 and leaves them alone, and the newer code works again", async () => {
  const first = await startPair(2, persist);
  await first.gate.grant("held", 1000);
  const plain = await first.gate.token("held");
  const capped = await first.gate.token("held", { spend_limit: 300 });
  const headers = { "idempotency-key": "k1" };
  const paid = await first.gate.call("/v1/expensive", { token: capped, headers });
  await first.gate.settled("held");
  expect(await first.old("held", holdOf(50, { id: "open", ttlSeconds: 3600 }))).toMatchObject({ kind: "held" });
  await first.close();
  const before = onDisk();

  const back = await startPair(1, persist);
  for (const options of [{ token: plain }, { token: capped }, { token: capped, headers }]) {
    const reply = await back.gate.call("/v1/expensive", options);
    expect([reply.status, reply.json().code]).toEqual([503, "ledger_unavailable"]);
    expect(reply.headers["retry-after"]).toBeDefined();
  }
  expect((await back.gate.admin("PUT", "/accounts/held/grants/g2", { credits: 5 })).status).toBe(503);
  expect((await back.gate.admin("GET", "/accounts/held")).status).toBe(503);
  for (const command of [grantOf(1), holdOf(1), captureOf(50, { id: "open" }), voidOf("open")])
    expect(await back.old("held", command)).toMatchObject({ kind: "unavailable" });
  expect(back.gate.origin.hits).toEqual([]);
  await back.close();
  expect(onDisk()).toEqual(before);

  const again = await startPair(2, persist);
  const replayed = await again.gate.call("/v1/expensive", { token: capped, headers });
  expect([replayed.status, replayed.body]).toEqual([paid.status, paid.body]);
  expect(again.gate.origin.hits).toEqual([]);
  expect(await again.old("held", captureOf(50, { id: "open" }))).toMatchObject({ kind: "captured", replayed: false });
  expect((await again.gate.call("/v1/expensive", { token: plain })).status).toBe(200);
  await again.gate.settled("held");
  expect(await again.gate.account("held")).toMatchObject({ granted: 1000, available: 750, held: 0, captured: 250 });
  await again.close();
  const store = fileStore(fileIn(persist));
  expectSoundBooks(store);
  store.close();
});
