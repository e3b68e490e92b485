/** Proves that commands that arrive at once are carried out one after the other: nothing is spent twice. */
import { describe, expect, it } from "vitest";
import { RPC_VERSION, type Command, type Outcome } from "../../src/ledger/command.ts";
import { captureOf, grantOf, holdOf, refundOf, reverseOf, voidOf } from "../support/command.ts";
import { expectSoundBooks } from "./books.ts";
import { ACCOUNTS, countingStore, inside, send, viewOf } from "./objects.ts";

const range = (n: number): number[] => Array.from({ length: n }, (_, index) => index);
const kinds = (outcomes: readonly { kind: string }[]): Record<string, number> =>
  Object.fromEntries([...Map.groupBy(outcomes, ({ kind }) => kind)].map(([kind, all]) => [kind, all.length]));

async function atOnce(account: string, commands: readonly Command[]): Promise<Outcome[]> {
  const outcomes = await Promise.all(commands.map(async (command) => send(account, command)));
  await inside(account, (state) => {
    expectSoundBooks(countingStore(state).store);
  });
  return outcomes as Outcome[];
}

describe("at once", () => {
  it("40 holds of 1 on a balance of 5 give exactly 5", async () => {
    await send("forty", grantOf(5));
    const outcomes = await atOnce(
      "forty",
      range(40).map((n) => holdOf(1, { id: `h${n}` })),
    );
    expect(kinds(outcomes)).toEqual({ held: 5, insufficient_balance: 35 });
    expect(await viewOf("forty")).toMatchObject({ available: 0, held: 5 });
  });

  it("40 holds of 1 by one stub, on a balance of 5, give exactly 5", async () => {
    await send("one-stub", grantOf(5));
    const stub = ACCOUNTS.getByName("one-stub");
    const outcomes = await Promise.all(range(40).map(async (n) => stub.apply(RPC_VERSION, holdOf(1, { id: `h${n}` }))));
    expect(kinds(outcomes)).toEqual({ held: 5, insufficient_balance: 35 });
  });

  it("two holds of all there is give one", async () => {
    await send("two", grantOf(100));
    const outcomes = await atOnce("two", [holdOf(100, { id: "a" }), holdOf(100, { id: "b" })]);
    expect(kinds(outcomes)).toEqual({ held: 1, insufficient_balance: 1 });
  });

  it("the same hold 20 times sets its credits aside once", async () => {
    await send("same", grantOf(100));
    const outcomes = await atOnce(
      "same",
      Array.from({ length: 20 }, () => holdOf(5)),
    );
    expect(kinds(outcomes)).toEqual({ held: 20 });
    expect(outcomes.filter((outcome) => "replayed" in outcome && !outcome.replayed)).toHaveLength(1);
    expect(await viewOf("same")).toMatchObject({ available: 95, held: 5 });
  });

  it("capture, void and capture again end a hold once", async () => {
    await send("race", grantOf(10));
    await send("race", holdOf(4));
    const outcomes = await atOnce("race", [captureOf(4), voidOf(), captureOf(2), voidOf()]);
    expect(outcomes.filter((outcome) => "replayed" in outcome && !outcome.replayed)).toHaveLength(1);
    const { available, held, captured } = await viewOf("race");
    expect([available + captured, held]).toEqual([10, 0]);
    expect([0, 2, 4]).toContain(captured);
  });

  it("shuffled cumulative reports charge the highest", async () => {
    await send("reports", grantOf(100));
    await send("reports", holdOf(50));
    const reports = range(40).map((n) => captureOf(((n * 17) % 40) + 1, { final: false }));
    await atOnce("reports", [...reports, ...reports]);
    expect(await viewOf("reports")).toMatchObject({ available: 50, held: 10, captured: 40 });
  });

  it("grants and spending add up exactly", async () => {
    await send("top-up", grantOf(10));
    const spend = range(20).flatMap((n) => [holdOf(1, { id: `h${n}` }), captureOf(1, { id: `h${n}` })]);
    const outcomes = await atOnce("top-up", [...range(10).map((n) => grantOf(7, { id: `more${n}` })), ...spend]);
    const { granted, held = 0, captured = 0 } = kinds(outcomes);
    expect(granted).toBe(10);
    expect(await viewOf("top-up")).toMatchObject({ available: 80 - held, held: held - captured, captured });
  });

  it("refunds, a reversal and spending never make the balance negative, nor give back more than was charged", async () => {
    await send("refunds", grantOf(10));
    await send("refunds", holdOf(10));
    await send("refunds", captureOf(10));
    const refunds = range(20).map((n) => refundOf(3, { id: `r${n}` }));
    const holds = range(20).map((n) => holdOf(2, { id: `again${n}` }));
    const outcomes = await atOnce("refunds", [...refunds, reverseOf(), ...holds]);
    const { held = 0, ...rest } = kinds(outcomes);
    expect(rest).toMatchObject({ refunded: 3, exceeds_charge: 17, reversed: 1 });
    expect(await viewOf("refunds")).toMatchObject({ available: 9 - 2 * held, held: 2 * held, granted: 19 });
  });
});
