/** Proves that a hold is charged once for what was reported of it, however its cumulative reports are lost, repeated or reordered. */
import { describe, expect, it } from "vitest";
import type { CaptureCommand } from "../../src/ledger/command.ts";
import { captureOf, grantOf, holdOf, NOW, SECOND, voidOf } from "../support/command.ts";
import { contentsOf } from "../support/store.ts";
import { openAccount } from "./test-account.ts";

const so = (far: number): CaptureCommand => captureOf(far, { final: false });

describe("a capture", () => {
  it("charges all of the hold", () => {
    expect(openAccount(grantOf(10), holdOf(4)).apply(captureOf(4))).toEqual({
      kind: "captured",
      replayed: false,
      credits: 4,
      writtenOff: 0,
      balance: { available: 6, held: 0 },
    });
  });

  it("of less than the hold returns the rest", () => {
    const account = openAccount(grantOf(10), holdOf(4));
    expect(account.apply(captureOf(1))).toMatchObject({ credits: 1, balance: { available: 9, held: 0 } });
    expect(account.view()).toMatchObject({ available: 9, held: 0, captured: 1 });
  });

  it("of nothing ends the hold and charges nothing", () => {
    const account = openAccount(grantOf(10), holdOf(4));
    expect(account.apply(captureOf(0))).toMatchObject({ kind: "captured", replayed: false, credits: 0 });
    expect(account.view()).toMatchObject({ available: 10, held: 0, captured: 0 });
  });

  it("of more than the hold is refused and writes nothing", () => {
    const account = openAccount(grantOf(10), holdOf(4));
    const before = contentsOf(account.store);
    expect(account.apply(captureOf(5))).toEqual({ kind: "exceeds_hold", held: 4 });
    expect(contentsOf(account.store)).toEqual(before);
  });

  it("of a hold nobody made is refused", () => {
    expect(openAccount(grantOf(10)).apply(captureOf(1))).toEqual({ kind: "hold_not_found" });
  });

  it("of too much is told so before it is told that the hold has ended", () => {
    expect(openAccount(grantOf(10), holdOf(4), voidOf()).apply(captureOf(5))).toEqual({
      kind: "exceeds_hold",
      held: 4,
    });
  });

  it("sent again charges nothing and gives the same answer, marked", () => {
    const account = openAccount(grantOf(10), holdOf(4), captureOf(3));
    const before = contentsOf(account.store);
    expect(account.apply(captureOf(3))).toEqual({
      kind: "captured",
      replayed: true,
      credits: 3,
      writtenOff: 0,
      balance: { available: 7, held: 0 },
    });
    expect(contentsOf(account.store)).toEqual(before);
  });

  it("of more than the final one is refused", () => {
    expect(openAccount(grantOf(10), holdOf(4), captureOf(3)).apply(captureOf(4))).toEqual({
      kind: "hold_resolved",
      as: "captured",
    });
  });

  it("still charges a hold of an account suspended meanwhile", () => {
    const account = openAccount(grantOf(10), holdOf(4), { op: "status", status: "suspended" });
    expect(account.apply(captureOf(4))).toMatchObject({ kind: "captured", credits: 4 });
  });
});

describe("capture reports", () => {
  it("that come one after the other charge the difference", () => {
    const account = openAccount(grantOf(10), holdOf(10));
    for (const far of [1, 4, 9]) {
      expect(account.apply(so(far))).toMatchObject({ credits: far, balance: { available: 0, held: 10 - far } });
    }
    expect(account.view()).toMatchObject({ available: 0, held: 1, captured: 9 });
  });

  it("that are not final leave even a used up hold open", () => {
    const account = openAccount(grantOf(10), holdOf(10), so(10));
    expect(account.apply(holdOf(10))).toMatchObject({ replayed: true, state: "held" });
    expect(account.apply(captureOf(10))).toMatchObject({ replayed: false, credits: 10 });
    expect(account.apply(holdOf(10))).toMatchObject({ state: "captured" });
  });

  it("that say no more than is known write nothing", () => {
    const account = openAccount(grantOf(10), holdOf(10), so(4));
    const before = contentsOf(account.store);
    for (const far of [4, 3, 0]) expect(account.apply(so(far))).toMatchObject({ replayed: true, credits: 4 });
    expect(contentsOf(account.store)).toEqual(before);
  });

  it("that are final and overtaken by a higher one charge the higher", () => {
    const account = openAccount(grantOf(10), holdOf(10), so(7));
    expect(account.apply(captureOf(5))).toMatchObject({
      replayed: false,
      credits: 7,
      balance: { available: 3, held: 0 },
    });
  });

  it("above the hold change nothing that was reported before", () => {
    const account = openAccount(grantOf(10), holdOf(5), so(3));
    expect(account.apply(so(6))).toEqual({ kind: "exceeds_hold", held: 5 });
    expect(account.view()).toMatchObject({ held: 2, captured: 3 });
  });

  const deliveries: [string, CaptureCommand[]][] = [
    ["in order", [so(1), so(2), so(3), captureOf(3)]],
    ["all but the last lost", [captureOf(3)]],
    ["repeated", [so(1), so(1), so(3), so(3), captureOf(3), captureOf(3), captureOf(3)]],
    ["reordered", [so(3), so(1), so(2), captureOf(3)]],
    ["late ones after the final one", [captureOf(3), so(1), so(3), so(2)]],
  ];
  it.each(deliveries)("%s end in the same charge", (_, reports) => {
    const account = openAccount(grantOf(10), holdOf(5), ...reports);
    expect(account.view()).toMatchObject({ available: 7, held: 0, captured: 3, writtenOff: 0 });
  });
});

describe("a capture that comes after the hold expired", () => {
  const LATER = NOW + 90 * SECOND;

  it("charges what is available then", () => {
    const account = openAccount(grantOf(10), holdOf(4));
    expect(account.view(LATER)).toMatchObject({ available: 10, held: 0 });
    expect(account.apply(captureOf(4), LATER)).toEqual({
      kind: "captured",
      replayed: false,
      credits: 4,
      writtenOff: 0,
      balance: { available: 6, held: 0 },
    });
  });

  it("writes off, visibly, what it cannot find", () => {
    const account = openAccount(grantOf(10), holdOf(6));
    account.apply(holdOf(8, { id: "h2", ttlSeconds: 900 }), LATER);
    expect(account.apply(captureOf(6), LATER)).toMatchObject({ credits: 2, writtenOff: 4, balance: { available: 0 } });
    expect(account.view(LATER)).toMatchObject({ available: 0, held: 8, captured: 2, writtenOff: 4 });
    expect(account.entries(LATER).slice(-2)).toMatchObject([
      { kind: "capture", amount: -2, held: 0, writtenOff: 0, ref: "h1" },
      { kind: "write_off", amount: 0, held: 0, writtenOff: 4, ref: "h1", requestId: "h1", route: "GET /v1/search" },
    ]);
  });

  it("sent again neither charges nor writes off again, not even when there are credits by then", () => {
    const account = openAccount(grantOf(10), holdOf(6));
    account.apply(holdOf(8, { id: "h2", ttlSeconds: 900 }), LATER);
    account.apply(captureOf(6), LATER);
    account.apply(grantOf(10, { id: "g2" }), LATER);
    expect(account.apply(captureOf(6), LATER)).toMatchObject({ replayed: true, credits: 2, writtenOff: 4 });
    expect(account.apply(captureOf(3), LATER)).toMatchObject({ replayed: true, credits: 2, writtenOff: 4 });
    expect(account.view(LATER)).toMatchObject({ available: 10, captured: 2, writtenOff: 4 });
  });

  it("charges only what it adds to the reports before the expiry", () => {
    const account = openAccount(grantOf(10), holdOf(6), so(4));
    expect(account.view(LATER)).toMatchObject({ available: 6, captured: 4 });
    expect(account.apply(so(5), LATER)).toMatchObject({ credits: 5, balance: { available: 5, held: 0 } });
    expect(account.apply(captureOf(6), LATER)).toMatchObject({ credits: 6, balance: { available: 4, held: 0 } });
    expect(account.apply(so(5), LATER)).toMatchObject({ replayed: true, credits: 6 });
  });

  it("charges nothing out of grants that may not pay for the route", () => {
    const account = openAccount(grantOf(5, { expiresAt: LATER }), holdOf(5));
    account.apply(grantOf(10, { id: "other", routes: ["POST /v1/reports"] }));
    expect(account.apply(captureOf(5), LATER)).toMatchObject({ credits: 0, writtenOff: 5, balance: { available: 10 } });
  });

  it("of more than the hold was is refused", () => {
    const account = openAccount(grantOf(10), holdOf(6));
    expect(account.apply(captureOf(7), LATER)).toEqual({ kind: "exceeds_hold", held: 6 });
  });
});
