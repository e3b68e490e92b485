/** Proves that credits enter an account exactly once for each grant's id, within its limits, and not after their expiry. */
import { describe, expect, it } from "vitest";
import { credits } from "../../src/credits.ts";
import { holdOf, captureOf, grantOf, NOW, reverseOf, SECOND } from "../support/command.ts";
import { contentsOf } from "../support/store.ts";
import { openAccount } from "./test-account.ts";

const ROUTES = ["GET /v1/search", "POST /v1/reports"];

describe("a grant", () => {
  it("adds its credits to what is available", () => {
    const account = openAccount(grantOf(10));
    expect(account.apply(grantOf(5, { id: "g2" }))).toEqual({
      kind: "granted",
      replayed: false,
      balance: { available: 15, held: 0 },
    });
    expect(account.view()).toMatchObject({ available: 15, held: 0, granted: 15, captured: 0 });
  });

  it("sent again adds nothing and gives the same answer, marked", () => {
    const account = openAccount(grantOf(10));
    const before = contentsOf(account.store);
    expect(account.apply(grantOf(10))).toEqual({
      kind: "granted",
      replayed: true,
      balance: { available: 10, held: 0 },
    });
    expect(contentsOf(account.store)).toEqual(before);
  });

  it.each([
    ["spent", captureOf(10)],
    ["reversed", reverseOf()],
  ])("keeps its id when all of it is %s", (_, end) => {
    const account = openAccount(grantOf(10), holdOf(10), end);
    expect(account.apply(grantOf(10))).toMatchObject({ kind: "granted", replayed: true });
    expect(account.apply(grantOf(11))).toEqual({ kind: "conflict" });
    expect(account.view().granted).toBe(10);
  });

  it.each([
    ["credits", { credits: credits(11) }],
    ["kind", { kind: "promotional" as const }],
    ["priority", { priority: 51 }],
    ["expiry", { expiresAt: NOW + SECOND }],
    ["routes", { routes: ROUTES.slice(1) }],
    ["routes left out", { routes: null }],
  ])("of a known id and other %s is a conflict that writes nothing", (_, other) => {
    const first = grantOf(10, { routes: ROUTES });
    const account = openAccount(first);
    const before = contentsOf(account.store);
    expect(account.apply({ ...first, ...other })).toEqual({ kind: "conflict" });
    expect(contentsOf(account.store)).toEqual(before);
  });

  it("is the same grant with its routes in another order", () => {
    const account = openAccount(grantOf(10, { routes: ROUTES }));
    expect(account.apply(grantOf(10, { routes: ROUTES.toReversed() }))).toMatchObject({ replayed: true });
  });

  it.each([
    [NOW - 1, "already_expired"],
    [NOW, "already_expired"],
    [NOW + 1, "granted"],
  ])("that expires at %d is answered %s", (expiresAt, kind) => {
    expect(openAccount(grantOf(1, { id: "g0" })).apply(grantOf(10, { expiresAt }))).toMatchObject({ kind });
  });

  it("that has expired since is known all the same", () => {
    const grant = grantOf(10, { expiresAt: NOW + 1 });
    expect(openAccount(grant).apply(grant, NOW + 2)).toEqual({
      kind: "granted",
      replayed: true,
      balance: { available: 0, held: 0 },
    });
  });

  it("refused does not use up its id", () => {
    const account = openAccount(grantOf(1, { id: "g0" }));
    expect(account.apply(grantOf(10, { expiresAt: NOW }))).toEqual({ kind: "already_expired" });
    expect(account.apply(grantOf(20))).toMatchObject({ kind: "granted", replayed: false });
  });

  it("may fill an account up to 10^15 credits over its life", () => {
    const account = openAccount(grantOf(999_999_999_999_999));
    expect(account.apply(grantOf(1, { id: "g2" }))).toMatchObject({ kind: "granted", balance: { available: 1e15 } });
    expect(account.apply(grantOf(1, { id: "g3" }))).toEqual({ kind: "limit_exceeded" });
    expect(account.view()).toMatchObject({ granted: 1e15, available: 1e15 });
  });

  it("does not fit again for what was spent: the limit is on all that was ever granted", () => {
    const account = openAccount(grantOf(1e15), holdOf(1e15), captureOf(1e15));
    expect(account.apply(grantOf(1, { id: "g2" }))).toEqual({ kind: "limit_exceeded" });
  });
});

describe("several reasons to refuse a grant", () => {
  const full = grantOf(1e15);
  it.each([
    ["conflict", grantOf(5, { expiresAt: NOW })],
    ["already_expired", grantOf(5, { id: "g2", expiresAt: NOW })],
    ["limit_exceeded", grantOf(5, { id: "g2" })],
  ])("are answered in order of precedence: %s", (kind, command) => {
    expect(openAccount(full).apply(command)).toEqual({ kind });
  });
});

describe("a grant with an expiry", () => {
  it("is spendable up to the millisecond before, and gone at it", () => {
    const account = openAccount(grantOf(10, { expiresAt: NOW + SECOND }));
    expect(account.view(NOW + SECOND - 1)).toMatchObject({ available: 10, expired: 0 });
    expect(account.view(NOW + SECOND)).toMatchObject({ available: 0, expired: 10, grants: [] });
  });

  it("expires before the command that finds it expired is judged", () => {
    const account = openAccount(grantOf(10, { expiresAt: NOW + SECOND }), grantOf(4, { id: "g2" }));
    expect(account.apply(holdOf(5), NOW + SECOND)).toMatchObject({
      kind: "insufficient_balance",
      balance: { available: 4, held: 0 },
    });
  });

  it("takes along only what is left of it", () => {
    const account = openAccount(grantOf(10, { expiresAt: NOW + SECOND }), holdOf(3), captureOf(3));
    expect(account.view(NOW + SECOND)).toMatchObject({ available: 0, captured: 3, expired: 7 });
  });
});
