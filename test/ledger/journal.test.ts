/** Proves that the journal tells every change of the balance in order, and can be read to its end page by page. */
import { describe, expect, it } from "vitest";
import type { Entry } from "../../src/ledger/command.ts";
import { read } from "../../src/ledger/ledger.ts";
import { captureOf, grantOf, holdOf, NOW, refundOf, reverseOf, SECOND, voidOf } from "../support/command.ts";
import { openAccount } from "./test-account.ts";

const ROUTE = "GET /v1/search";
const balance = (available: number, held: number): object => ({ balance: { available, held } });
const other = (ref: string): object => ({ ref, requestId: null, route: null, writtenOff: 0, calls: null });
const call = (id: string): object => ({ ref: id, requestId: id, route: ROUTE, writtenOff: 0, calls: null });

describe("the journal", () => {
  it("names every change, what it is about, its amount and the balance after it", () => {
    const account = openAccount(grantOf(10), holdOf(4), captureOf(3), holdOf(2, { id: "h2" }), voidOf("h2"));
    account.apply(refundOf(1), NOW + SECOND);
    account.apply(reverseOf(), NOW + SECOND);
    expect(account.entries(NOW + SECOND)).toEqual([
      { seq: 1, at: NOW, kind: "grant", amount: 10, held: 0, ...other("g1"), ...balance(10, 0) },
      { seq: 2, at: NOW, kind: "hold", amount: 0, held: 4, ...call("h1"), ...balance(6, 4) },
      { seq: 3, at: NOW, kind: "capture", amount: -3, held: -3, ...call("h1"), ...balance(6, 1) },
      { seq: 4, at: NOW, kind: "void", amount: 0, held: -1, ...call("h1"), ...balance(7, 0) },
      { seq: 5, at: NOW, kind: "hold", amount: 0, held: 2, ...call("h2"), ...balance(5, 2) },
      { seq: 6, at: NOW, kind: "void", amount: 0, held: -2, ...call("h2"), ...balance(7, 0) },
      { seq: 7, at: NOW + SECOND, kind: "refund", amount: 1, held: 0, ...call("h1"), ref: "r1", ...balance(8, 0) },
      { seq: 8, at: NOW + SECOND, kind: "reverse", amount: -7, held: 0, ...other("g1"), ...balance(1, 0) },
    ]);
  });

  it("tells a hold that ran out from a grant that ran out", () => {
    const account = openAccount(grantOf(10, { expiresAt: NOW + 2 * SECOND }), holdOf(4, { ttlSeconds: 1 }));
    account.view(NOW + SECOND);
    expect(account.entries(NOW + 2 * SECOND).slice(2)).toMatchObject([
      { at: NOW + SECOND, kind: "expire", amount: 0, held: -4, ref: "h1", requestId: "h1", route: ROUTE },
      { at: NOW + 2 * SECOND, kind: "expire", amount: -10, held: 0, ref: "g1", requestId: null, route: null },
    ]);
  });

  it("has two entries for a call charged as quoted: hold and capture", () => {
    const kinds = openAccount(grantOf(10), holdOf(4), captureOf(4))
      .entries()
      .map(({ kind }) => kind);
    expect(kinds).toEqual(["grant", "hold", "capture"]);
  });

  it("of an account only set up is empty", () => {
    const { store } = openAccount({ op: "status", status: "active" });
    expect(read(store, { read: "entries", after: 0, limit: 10 }, NOW)).toEqual({ entries: [], next: null });
  });
});

describe("the journal read page by page", () => {
  const { store } = openAccount(...[1, 2, 3, 4, 5].map((n) => grantOf(n, { id: `g${n}` })));
  const page = (after: number, limit: number): unknown => {
    const found = read(store, { read: "entries", after, limit }, NOW);
    return found && { seqs: found.entries.map(({ seq }: Entry) => seq), next: found.next };
  };

  it.each([
    [0, 2, { seqs: [1, 2], next: 2 }],
    [2, 2, { seqs: [3, 4], next: 4 }],
    [4, 2, { seqs: [5], next: null }],
    [0, 5, { seqs: [1, 2, 3, 4, 5], next: null }],
    [3, 2, { seqs: [4, 5], next: null }],
    [5, 2, { seqs: [], next: null }],
    [99, 2, { seqs: [], next: null }],
  ])("after %d, at most %d", (after, limit, expected) => {
    expect(page(after, limit)).toEqual(expected);
  });
});

describe("the account's view", () => {
  it("has a version that grows with every change of the balance and stays with none", () => {
    const account = openAccount(grantOf(10));
    let last = account.view().version;
    for (const command of [holdOf(4), captureOf(3), refundOf(1), reverseOf()]) {
      account.apply(command);
      const { version } = account.view();
      expect(version).toBeGreaterThan(last);
      account.apply(command);
      expect(account.view().version).toBe(version);
      last = version;
    }
  });

  it("says when it was taken", () => {
    expect(openAccount(grantOf(10)).view(NOW + 5).asOf).toBe(NOW + 5);
  });
});
