/** What a caller sees whose call is not paid for: why, how much is missing, and what would mend it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { expectDenial, paid } from "../support/columns.ts";
import { startGate, type Reply, type TestGate } from "../support/gate.ts";
import { ok } from "../support/origin.ts";

let gate: TestGate;
beforeAll(async () => {
  gate = await startGate({
    config: {
      payments: { topUpUrl: "https://pay.example/top-up?for={account}" },
      support: "mailto:help@example.com",
      plans: { pro: { includes: ["GET /v1/items/:id"] } },
    },
  });
});
afterAll(async () => gate.close());
const SOON = { timeout: 3000, interval: 10 };
afterEach(() => {
  gate.origin.answer = ok;
});

const rels = (reply: Reply): string[] => reply.json().remedy.map(({ rel }: { rel: string }) => rel);

describe("402 payment_required", () => {
  it.each(["GET", "POST"])("tells a %s without a token the price and where a token is had", async (method) => {
    const reply = await expectDenial(gate, "nobody", "/v1/expensive", { method }, [402, "payment_required"]);
    expect(reply.json()).toMatchObject({ price: 100, retryable: false });
    expect(reply.json()).not.toHaveProperty("balance");
    expect(reply.headers["www-authenticate"]).toBe('Bearer realm="Test API"');
    expect(reply.headers.link).toBe('<https://pay.example/top-up?for=>; rel="payment"');
    expect(rels(reply)).toEqual(["payment", "prices", "help"]);
  });

  it("asks for the price that the call then costs, on every route", async () => {
    await gate.grant("asked", 1000);
    const token = await gate.token("asked");
    for (const path of ["/v1/cheap", "/v1/items/7", "/v1/expensive"]) {
      const reply = await expectDenial(gate, "asked", path, {}, [402, "payment_required"]);
      const seen = await gate.see("asked", path, { token });
      expect(seen).toMatchObject(paid(reply.json().price));
    }
  });

  it("is the answer to an empty Authorization header", async () => {
    await expectDenial(gate, "nobody", "/v1/cheap", { headers: { authorization: "" } }, [402, "payment_required"]);
  });

  it("is the answer where a plan would include the route: without a token nobody is on a plan", async () => {
    await expectDenial(gate, "nobody", "/v1/items/1", {}, [402, "payment_required"]);
  });
});

describe("402 insufficient_credits", () => {
  it.each([
    [99, 1],
    [1, 99],
    [0, 100],
  ])("refuses a call of 100 on a balance of %d, and leaves the balance alone", async (balance, shortfall) => {
    const account = `short-${balance}`;
    if (balance > 0) await gate.grant(account, balance);
    const token = await gate.token(account);
    const reply = await expectDenial(gate, account, "/v1/expensive", { token }, [402, "insufficient_credits"]);
    expect(reply.json()).toMatchObject({
      price: 100,
      balance: { available: balance, held: 0 },
      shortfall,
      retryable: false,
    });
    expect(reply.headers["retry-after"]).toBeUndefined();
    expect(reply.headers["x-should-retry"]).toBe("false");
    expect(reply.headers.link).toBe(`<https://pay.example/top-up?for=${account}>; rel="payment"`);
    expect(rels(reply)).toEqual(["payment", "prices", "balance", "help"]);
    expect((await gate.account(account)).available).toBe(balance);
  });

  it("charges a balance of exactly the price, and then nothing more", async () => {
    await gate.grant("exact", 100);
    const token = await gate.token("exact");
    const seen = await gate.see("exact", "/v1/expensive", { token });
    expect(seen).toMatchObject(paid(100));
    expect(seen.reply.headers["credits-remaining"]).toBe("0");
    const reply = await expectDenial(gate, "exact", "/v1/cheap", { token }, [402, "insufficient_credits"]);
    expect(reply.json()).toMatchObject({ price: 1, shortfall: 1 });
  });

  it("goes away with a top-up of the shortfall, at the very next call", async () => {
    await gate.grant("topped", 60);
    const token = await gate.token("topped");
    const reply = await expectDenial(gate, "topped", "/v1/expensive", { token }, [402, "insufficient_credits"]);
    await gate.grant("topped", reply.json().shortfall);
    const seen = await gate.see("topped", "/v1/expensive", { token });
    expect(seen).toMatchObject(paid(100));
  });

  it("counts only credits that may pay for the route", async () => {
    await gate.grant("bound", 500, { routes: ["GET /v1/cheap"] });
    await gate.grant("bound", 30);
    const token = await gate.token("bound");
    const reply = await expectDenial(gate, "bound", "/v1/expensive", { token }, [402, "insufficient_credits"]);
    expect(reply.json()).toMatchObject({ balance: { available: 530, held: 0 }, shortfall: 70 });
    expect(await gate.see("bound", "/v1/cheap", { token })).toMatchObject(paid(1));
  });

  it("counts no credits that have expired", async () => {
    await gate.grant("late", 500, { expires_at: new Date(Date.now() + 300).toISOString() });
    await expect.poll(async () => (await gate.account("late")).available, SOON).toBe(0);
    const token = await gate.token("late");
    const reply = await expectDenial(gate, "late", "/v1/cheap", { token }, [402, "insufficient_credits"]);
    expect(reply.json()).toMatchObject({ balance: { available: 0, held: 0 }, shortfall: 1 });
  });

  it("refuses HEAD at the price of GET, with the same headers and no body", async () => {
    const token = await gate.token("head");
    const got = await expectDenial(gate, "head", "/v1/expensive", { token }, [402, "insufficient_credits"]);
    const reply = await expectDenial(gate, "head", "/v1/expensive", { method: "HEAD", token }, [
      402,
      "insufficient_credits",
    ]);
    expect(steadyHeaders(reply)).toEqual(steadyHeaders(got));
    await gate.grant("head", 100);
    const seen = await gate.see("head", "/v1/expensive", { method: "HEAD", token });
    expect(seen).toMatchObject(paid(100));
    expect(gate.origin.hits.at(-1)?.method).toBe("HEAD");
  });

  it("tells an unknown account the same, byte for byte, as one that is empty", async () => {
    const token = await gate.token("ghost");
    const call = async (): Promise<Reply> => gate.call("/v1/expensive", { token });
    const unknown = await call();
    expect((await gate.admin("GET", "/accounts/ghost")).status).toBe(404);
    await gate.admin("PUT", "/accounts/ghost/status", { status: "active" });
    const opened = await call();
    await gate.admin("PUT", "/accounts/ghost/grants/g", { credits: 7 });
    await gate.admin("DELETE", "/accounts/ghost/grants/g");
    const emptied = await call();
    expect(unknown.status).toBe(402);
    for (const reply of [opened, emptied]) {
      expect(reply.status).toBe(402);
      expect(withoutId(reply)).toBe(withoutId(unknown));
      expect(steadyHeaders(reply)).toEqual(steadyHeaders(unknown));
    }
    const balance = async (account: string): Promise<string[]> =>
      Object.keys((await gate.call("/_farebox/balance", { token: await gate.token(account) })).json());
    expect(await balance("never-seen")).toEqual(await balance("ghost"));
  });

  it("never shows a balance to who has no valid token", async () => {
    await gate.grant("private", 54_321);
    for (const options of [{}, { token: "bad" }, { headers: { authorization: "Basic private" } }]) {
      const reply = await gate.call("/v1/expensive?account=private", options);
      expect(JSON.stringify(reply.headers) + reply.body).not.toContain("54321");
    }
  });
});

/** What is the same of every answer of a kind. */
function steadyHeaders({ headers }: Reply): object {
  const { date: _date, "request-id": _id, "content-length": _length, "transfer-encoding": _coding, ...rest } = headers;
  return rest;
}
function withoutId({ body, headers }: Reply): string {
  return body.replaceAll(String(headers["request-id"]), "req_");
}

/** Calls in flight that hold an account's credits until `release`; the origin then answers them with `status`. */
async function inFlight(
  account: string,
  calls: readonly string[],
  status = 200,
): Promise<{ release: () => Promise<Reply[]>; token: string }> {
  const token = await gate.token(account);
  const { promise: released, resolve } = Promise.withResolvers<void>();
  const hits = gate.origin.hits.length;
  gate.origin.answer = async (_request, response) => {
    await released;
    response.writeHead(status).end("ok");
  };
  const replies = calls.map(async (path) => gate.call(path, { token }));
  await expect.poll(() => gate.origin.hits.length, SOON).toBe(hits + calls.length);
  const release = async (): Promise<Reply[]> => {
    gate.origin.answer = ok;
    resolve();
    return Promise.all(replies);
  };
  return { release, token };
}

describe("402 credits_on_hold", () => {
  it("asks to wait where credits in flight would suffice, and says for how long at most", async () => {
    await gate.grant("busy", 150);
    const { release, token } = await inFlight("busy", ["/v1/expensive"]);
    const hits = gate.origin.hits.length;
    const reply = await gate.call("/v1/expensive", { token });
    const entries = (await gate.entries("busy")).map(({ kind }) => kind);
    await release();
    expect([reply.status, reply.json().code]).toEqual([402, "credits_on_hold"]);
    expect(reply.json()).toMatchObject({ price: 100, balance: { available: 50, held: 100 }, retryable: true });
    expect(reply.headers["x-should-retry"]).toBe("true");
    // Time-out 2 s + 60 s: when the hold would end by itself.
    const wait = Number(reply.headers["retry-after"]);
    expect(wait).toBeGreaterThan(50);
    expect(wait).toBeLessThanOrEqual(62);
    expect(reply.json().retry_after).toBe(wait);
    expect([gate.origin.hits.length - hits, entries]).toEqual([0, ["grant", "hold"]]);
  });

  it("lets a smaller call through that what is left can pay, and holds up the next", async () => {
    await gate.grant("small", 105);
    const { release, token } = await inFlight("small", ["/v1/expensive", "/v1/items/1"]);
    const waiting = await gate.call("/v1/cheap", { token });
    const answers = await release();
    expect(waiting.json()).toMatchObject({ code: "credits_on_hold", price: 1, balance: { available: 0, held: 105 } });
    expect(answers.map((reply) => reply.status)).toEqual([200, 200]);
    await gate.settled("small");
    expect(await gate.account("small")).toMatchObject({ available: 0, held: 0, captured: 105 });
  });

  it("says insufficient_credits where even all that is held would not do", async () => {
    await gate.grant("thin", 99);
    const { release, token } = await inFlight("thin", ["/v1/items/1", "/v1/items/2"]);
    const reply = await gate.call("/v1/expensive", { token });
    await release();
    expect(reply.json()).toMatchObject({
      code: "insufficient_credits",
      balance: { available: 89, held: 10 },
      shortfall: 11,
    });
    expect(reply.headers["retry-after"]).toBeUndefined();
  });

  it("goes away with a top-up, while the other call is still in flight", async () => {
    await gate.grant("paying", 100);
    const { release, token } = await inFlight("paying", ["/v1/expensive"]);
    expect((await gate.call("/v1/cheap", { token })).json().code).toBe("credits_on_hold");
    await gate.grant("paying", 1);
    const next = gate.call("/v1/cheap", { token });
    await expect.poll(async () => (await gate.account("paying")).held, SOON).toBe(101);
    await release();
    expect((await next).status).toBe(200);
    await gate.settled("paying");
    expect(await gate.account("paying")).toMatchObject({ available: 0, held: 0, captured: 101 });
  });

  it("goes away when the call in flight fails: its credits are back before its caller hears of it", async () => {
    await gate.grant("freed", 100);
    const { release, token } = await inFlight("freed", ["/v1/expensive"], 500);
    expect((await gate.call("/v1/expensive", { token })).json().code).toBe("credits_on_hold");
    expect((await release()).map((reply) => reply.status)).toEqual([500]);
    const seen = await gate.see("freed", "/v1/expensive", { token });
    expect(seen).toMatchObject(paid(100));
  });
});
