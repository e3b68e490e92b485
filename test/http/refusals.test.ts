/** That an account refused for want of money a moment ago changes nothing for tokens that are refused for another reason. */
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectDenial } from "../support/columns.ts";
import { startGate, type TestGate } from "../support/gate.ts";

let gate: TestGate;
beforeAll(async () => {
  gate = await startGate();
});
afterAll(async () => gate.close());

/** Calls in vain with a good token, until the account's refusals are remembered. */
async function storm(account: string): Promise<void> {
  const token = await gate.token(account);
  await Promise.all(Array.from({ length: 8 }, async () => gate.call("/v1/expensive", { token })));
}

describe("while an account's refusals are remembered", () => {
  it("a revoked token is told that it is revoked, and no balance", async () => {
    await gate.grant("stormy", 1);
    const token = await gate.token("stormy");
    await gate.admin("DELETE", `/tokens/${encodeURIComponent(String(decodeJwt(token).jti))}`);
    await storm("stormy");
    const reply = await gate.call("/v1/expensive", { token });
    expect([reply.status, reply.json().code]).toEqual([401, "token_revoked"]);
    expect(reply.json()).not.toHaveProperty("balance");
  });

  it("a capped token is told of its cap, which a top-up would not mend", async () => {
    await gate.grant("stormy too", 1);
    const token = await gate.token("stormy too", { spend_limit: 50 });
    await expectDenial(gate, "stormy too", "/v1/expensive", { token }, [403, "spend_limit_reached"]);
    await storm("stormy too");
    const reply = await gate.call("/v1/expensive", { token });
    expect([reply.status, reply.json().code]).toEqual([403, "spend_limit_reached"]);
  });
});
