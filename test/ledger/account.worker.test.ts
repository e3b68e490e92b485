import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { Account } from "../../src/ledger/account.ts";
import { RPC_VERSION } from "../../src/ledger/command.ts";
import { grantOf } from "../support/command.ts";

const { ACCOUNTS } = env as unknown as { ACCOUNTS: DurableObjectNamespace<Account> };

describe("the account's object", () => {
  it("answers a command with its outcome", async () => {
    const outcome = await ACCOUNTS.getByName("alice").apply(RPC_VERSION, grantOf(10));
    expect(outcome).toMatchObject({ kind: "granted", balance: { available: 10, held: 0 } });
  });
});
