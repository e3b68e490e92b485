/** The gate is killed in the middle of calls, and nothing of an account's credits is lost, doubled or stuck. */
import { expect, it } from "vitest";
import { run } from "../crash/run.ts";

const ROUNDS = 2;
const ANSWERS_BEFORE_THE_END = 500;

it("keeps every credit accounted for when it is killed in the middle of calls", { timeout: 60_000 }, async () => {
  const seed = Date.now() % 1e9;
  const { facts, reckoning } = await run({
    rounds: ROUNDS,
    seed,
    answers: [ANSWERS_BEFORE_THE_END, ANSWERS_BEFORE_THE_END],
    ways: ["under load", "twice"],
  });
  const { sent, seen, hits, served, charged, voided, expired, open, loss, cut, grants, residue } = reckoning;
  console.log(
    `seed ${seed}, ${ROUNDS} kills: ${sent} calls sent, ${seen} answers seen, ${hits} origin hits; ${served.calls} served, ` +
      `${charged.calls} charged, ${voided.calls} voided, ${expired.calls} expired, ${loss.calls} served and never charged; ` +
      `${grants.ids} grants and refunds, ${grants.retried} ids sent again`,
  );
  // What no kill explains, by name: conservation, the journal's sum, every hold's one end, every charge's origin hit.
  expect(residue).toEqual([]);
  // What the kills do explain has a bound: the calls they cut.
  expect(loss.calls).toBeLessThanOrEqual(cut.unanswered + cut.justAnswered);
  expect(served.calls).toBe(charged.calls + loss.calls + countTooLate(facts));
  expect(open.calls).toBe(0);
  expect(grants.granted).toBe(grants.asked);
  // It was a crash worth the name.
  expect(seen).toBeGreaterThanOrEqual(ROUNDS * ANSWERS_BEFORE_THE_END);
  expect(facts.kills).toHaveLength(ROUNDS);
  expect(cut.unanswered).toBeGreaterThan(0);
  expect(expired.calls).toBeGreaterThan(0);
  expect(charged.calls).toBeGreaterThan(ANSWERS_BEFORE_THE_END / 2);
  expect(voided.calls).toBeGreaterThan(0);
  expect(grants.retried).toBeGreaterThan(0);
});

/** Answers the origin began after the gate had given up waiting. The gate leaves at its time-out, so there are hardly any. */
function countTooLate({ hits, timeoutSeconds }: Awaited<ReturnType<typeof run>>["facts"]): number {
  return hits.filter(({ status, tookMs, credits }) => credits > 0 && status === 200 && tookMs >= timeoutSeconds * 950)
    .length;
}
