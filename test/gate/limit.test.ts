/** Proves that the limit on refused calls only ever turns a refusal into another one, and never stands in the way. */
import { describe, expect, it } from "vitest";
import type { Denial } from "../../src/gate/denial.ts";
import { limitRefusals, type RateLimiter } from "../../src/gate/limit.ts";

const denial: Denial = { code: "invalid_token", reason: "it is not one" };
const limited = async (limiter: RateLimiter | undefined): Promise<Denial> =>
  limitRefusals(limiter, "address 192.0.2.1", denial, "Too many.");

describe("a refused call", () => {
  it("stays what it is within the limit, and is counted under who made it", async () => {
    const keys: string[] = [];
    const limiter: RateLimiter = {
      async limit({ key }) {
        keys.push(key);
        return { success: true };
      },
    };
    expect(await limited(limiter)).toBe(denial);
    expect(keys).toEqual(["address 192.0.2.1"]);
  });

  it("beyond it is told to stop, why, and for how long", async () => {
    const full: RateLimiter = { limit: async () => ({ success: false }) };
    expect(await limited(full)).toMatchObject({ code: "rate_limited", why: "Too many.", retryAfterSeconds: 10 });
    // What it is refused for stays known: waiting alone does not mend that.
    expect(await limited(full)).toHaveProperty("cause", await limited(undefined));
  });

  it.each<[string, RateLimiter | undefined]>([
    ["is missing", undefined],
    ["rejects", { limit: async () => Promise.reject(new Error("no capacity")) }],
    [
      "throws",
      {
        limit() {
          throw new Error("no such namespace");
        },
      },
    ],
  ])("stays what it is where the limiter %s", async (_, limiter) => {
    expect(await limited(limiter)).toBe(denial);
  });
});
