/** Proves that kept answers are those of charged calls, given back byte for byte, bounded in size, and gone after a day. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Answer, Command, HoldCommand } from "../../src/ledger/command.ts";
import { apply, nextWake, open, wake } from "../../src/ledger/ledger.ts";
import type { Store } from "../../src/ledger/store.ts";
import { readCommand } from "../../src/ledger/versions.ts";
import { captureOf, DAY, grantOf, holdOf, keepOf, NOW, SECOND, voidOf } from "../support/command.ts";
import { contentsOf, memoryStore } from "../support/store.ts";
import { openAccount, type TestAccount } from "./test-account.ts";

const MIB = 1_048_576;
/** A hold of 1 whose key is `key of {id}` unless said otherwise. */
const keyed = (id: string, key = `key of ${id}`, digest = "d"): HoldCommand =>
  holdOf(1, { id, idempotency: { key, digest } });
/** An answer that takes this many bytes in all: its headers, none, are told in two. */
const answerOf = (bytes: number): Answer => ({ status: 200, headers: [], body: new Uint8Array(bytes - 2).fill(7) });

const bytesOf = (store: Store): number =>
  store.exec<{ answer_bytes: number }>(`SELECT answer_bytes FROM account`)[0]?.answer_bytes ?? NaN;
const keysOf = (store: Store): unknown[] =>
  store.exec<{ key: string }>(`SELECT key FROM idempotency_keys ORDER BY key`).map(({ key }) => key);
const answersOf = (store: Store): unknown[] =>
  store.exec<{ hold_id: string }>(`SELECT hold_id FROM answers ORDER BY hold_id`).map(({ hold_id }) => hold_id);

/** What the key of `id` answers, seconds after all is over. */
function ask({ store }: TestAccount, id: string, at = NOW): Answer | null | undefined {
  const outcome = apply(store, keyed("asking", `key of ${id}`), at);
  return outcome.kind === "already_delivered" ? outcome.answer : undefined;
}
/** Calls that were charged, each with its answer kept. */
function charged(calls: Readonly<Record<string, Answer | null>>, at = NOW): TestAccount {
  const account = openAccount(grantOf(10_000));
  for (const [id, answer] of Object.entries(calls)) {
    account.apply(keyed(id), at);
    account.apply(captureOf(1, { id }), at);
    account.apply({ op: "keep", id, answer }, at);
  }
  return account;
}

describe("keeping an answer", () => {
  it.each<[string, Command[], object]>([
    ["nobody knows", [], { kind: "hold_not_found" }],
    ["is in flight", [keyed("h1")], { kind: "nothing_charged" }],
    ["was voided", [keyed("h1"), voidOf()], { kind: "nothing_charged" }],
  ])("of a call that %s is refused and writes nothing", (_, commands, outcome) => {
    const account = openAccount(grantOf(10), ...commands);
    const before = contentsOf(account.store);
    expect(account.apply(keepOf("hello"))).toEqual(outcome);
    expect(contentsOf(account.store)).toEqual(before);
  });

  it("of a call that expired uncharged is refused; once a late charge came, it is kept", () => {
    const account = openAccount(grantOf(10), keyed("h1"));
    const later = NOW + 90 * SECOND;
    expect(account.apply(keepOf("hello"), later)).toEqual({ kind: "nothing_charged" });
    account.apply(captureOf(1), later);
    expect(account.apply(keepOf("hello"), later)).toEqual({ kind: "kept" });
    expect(ask(account, "h1", later)).toMatchObject({ status: 200 });
  });

  it("for an account never written to makes no tables", () => {
    const store = memoryStore();
    open(store);
    expect(apply(store, keepOf("hello"), NOW)).toEqual({ kind: "hold_not_found" });
    expect(contentsOf(store)).toEqual({});
  });

  it("of a call without a key keeps nothing", () => {
    const account = openAccount(grantOf(10), holdOf(1), captureOf(1));
    const before = contentsOf(account.store);
    expect(account.apply(keepOf("hello"))).toEqual({ kind: "key_passed_on" });
    expect(contentsOf(account.store)).toEqual(before);
  });

  it.each([
    ["first", "second"],
    [null, "second"],
    ["first", null],
  ])("twice keeps the first (%j, then %j)", (first, second) => {
    const account = openAccount(grantOf(10), keyed("h1"), captureOf(1), keepOf(first));
    const before = contentsOf(account.store);
    expect(account.apply(keepOf(second))).toEqual({ kind: "kept" });
    expect(contentsOf(account.store)).toEqual(before);
    expect(ask(account, "h1")).toEqual(keepOf(first).answer);
  });

  it("gives back every byte, and every header in its order, also those that come twice", () => {
    const body = Uint8Array.from({ length: 512 }, (_, n) => n % 256);
    const headers = [
      ["set-cookie", "b=2"],
      ["x-text", '\u00e9 "quoted"'],
      ["set-cookie", "a=1"],
    ] as const;
    for (const answer of [
      { status: 206, headers, body },
      { status: 204, headers: [], body: new Uint8Array() },
    ])
      expect(ask(charged({ h1: answer }), "h1")).toEqual(answer);
  });
});

/** An account that keeps all it may. */
const full = (): TestAccount =>
  charged(Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`h${n}`, answerOf(MIB)])));
const keepMore = (account: TestAccount, id: string, bytes: number): void => {
  for (const command of [keyed(id), captureOf(1, { id }), { op: "keep", id, answer: answerOf(bytes) } as const])
    account.apply(command);
};

describe("the bound of 16 MiB on an account's kept answers", () => {
  it("is reached to the byte before anything is dropped", () => {
    const account = full();
    expect(bytesOf(account.store)).toBe(16 * MIB);
    for (let n = 0; n < 16; n++) expect(ask(account, `h${n}`)?.body.length).toBe(MIB - 2);
  });

  it("drops the oldest answers, as many as must go; their keys give the receipt alone, and at once", () => {
    const account = full();
    keepMore(account, "small", 3);
    expect(account.apply(keyed("again", "key of h0"))).toMatchObject({
      kind: "already_delivered",
      requestId: "h0",
      credits: 1,
      answer: null,
    });
    expect(["h1", "small"].map((id) => ask(account, id)?.body.length)).toEqual([MIB - 2, 1]);
    expect(bytesOf(account.store)).toBe(15 * MIB + 3);
    keepMore(account, "large", 3 * MIB);
    const left = ["h1", "h2", "h3", "h4", "small", "large"].map((id) => ask(account, id)?.body.length);
    expect(left).toEqual([undefined, undefined, undefined, MIB - 2, 1, 3 * MIB - 2]);
    expect(bytesOf(account.store)).toBe(15 * MIB + 3);
  });

  it("still knows a dropped answer for answered: it is not kept a second time", () => {
    const account = full();
    keepMore(account, "small", 3);
    account.apply({ op: "keep", id: "h0", answer: answerOf(5) });
    expect(ask(account, "h0")).toBeNull();
    expect(bytesOf(account.store)).toBe(15 * MIB + 3);
  });
});

describe("after a day", () => {
  it("the alarm drops keys and answers and keeps the holds; a millisecond earlier it drops nothing", () => {
    const account = charged({ h1: answerOf(100), h2: null });
    account.apply(keyed("h3"));
    account.apply(voidOf("h3"));
    const before = contentsOf(account.store);
    expect(nextWake(account.store)).toBeLessThanOrEqual(NOW + DAY);
    wake(account.store, NOW + DAY - 1);
    expect(contentsOf(account.store)).toEqual(before);
    wake(account.store, NOW + DAY);
    expect([keysOf(account.store), answersOf(account.store), bytesOf(account.store)]).toEqual([[], [], 0]);
    for (const id of ["h1", "h2", "h3"]) expect(account.apply(keyed(id), NOW + DAY)).toMatchObject({ replayed: true });
  });

  it("the alarm is asked for at the very moment, and not again for keys that are gone", () => {
    const account = openAccount(grantOf(10));
    account.apply(keyed("h1"), NOW + 5);
    account.apply(captureOf(1), NOW + 5);
    const store = account.store;
    store.exec(`UPDATE account SET publish_at = NULL`);
    expect(nextWake(store)).toBe(NOW + 5 + DAY);
    wake(store, NOW + 5 + DAY);
    expect(nextWake(store)).toBe(NOW + 31 * DAY);
  });

  it("600 of them go in batches, the alarm ringing until they are gone", () => {
    const calls = Array.from({ length: 600 }, (_, n) => [`h${n}`, null] as const);
    const { store } = charged(Object.fromEntries(calls));
    store.exec(`UPDATE account SET publish_at = NULL`);
    wake(store, NOW + DAY);
    expect(keysOf(store)).toHaveLength(100);
    expect(nextWake(store)).toBeLessThanOrEqual(NOW + DAY);
    wake(store, NOW + DAY);
    expect([keysOf(store), answersOf(store)]).toEqual([[], []]);
    expect(nextWake(store)).toBeGreaterThan(NOW + DAY);
  });

  it("a key that is bound again loses its old answer then, though no alarm rang", () => {
    const account = charged({ h1: answerOf(100) });
    account.apply(keyed("h2", "key of h1"), NOW + DAY);
    expect([answersOf(account.store), bytesOf(account.store)]).toEqual([[], 0]);
    account.apply(captureOf(1, { id: "h2" }), NOW + DAY);
    account.apply({ op: "keep", id: "h2", answer: answerOf(50) }, NOW + DAY);
    expect(ask(account, "h1", NOW + DAY)).toEqual(answerOf(50));
  });
});

describe("the count of kept bytes", () => {
  const step = fc.record({
    what: fc.constantFrom("hold", "capture", "void", "keep", "wake"),
    id: fc.integer({ min: 0, max: 5 }),
    key: fc.integer({ min: 0, max: 2 }),
    bytes: fc.option(fc.integer({ min: 2, max: 6 * MIB })),
    after: fc.constantFrom(0, SECOND, 91 * SECOND, DAY / 2, DAY),
  });

  it("equals their sum after any sequence of commands, and never exceeds the bound", () => {
    const COUNTED = `SELECT a.answer_bytes AS said, COALESCE(SUM(k.bytes), 0) AS summed,
        COALESCE(SUM(COALESCE(LENGTH(k.body) + LENGTH(k.headers), 0)), 0) AS stored FROM account a LEFT JOIN answers k`;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { store } = openAccount(grantOf(1000));
        let now = NOW;
        for (const { what, id, key, bytes, after } of steps) {
          now += after;
          const named = { id: `h${id}` };
          if (what === "hold") apply(store, keyed(named.id, `k${key}`), now);
          if (what === "capture") apply(store, captureOf(1, named), now);
          if (what === "void") apply(store, voidOf(named.id), now);
          if (what === "keep")
            apply(store, { op: "keep", ...named, answer: bytes === null ? null : answerOf(bytes) }, now);
          if (what === "wake") wake(store, now);
          const { said = NaN, summed, stored } = store.exec<Record<string, number>>(COUNTED)[0] ?? {};
          expect([summed, stored]).toEqual([said, said]);
          expect(said).toBeLessThanOrEqual(16 * MIB);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe("a call without a key", () => {
  it("never reads or writes the tables of keys and answers, as the version before did not", () => {
    const { store } = openAccount(grantOf(10));
    const statements: string[] = [];
    const watched: Store = {
      exec: (query, ...bindings) => {
        statements.push(query);
        return store.exec(query, ...bindings);
      },
      transaction: (block) => store.transaction(block),
    };
    const { cap: _cap, idempotency: _key, ...old } = holdOf(1);
    for (const command of [old, captureOf(1), { ...old, id: "h2" }, voidOf("h2")])
      expect(apply(watched, readCommand(1, command as Command), NOW)).toMatchObject({ replayed: false });
    expect(statements.length).toBeGreaterThan(8);
    for (const statement of statements) expect(statement).not.toMatch(/idempotency_keys|answers|capped_tokens/);
  });
});
