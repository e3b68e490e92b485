/** What a key must not change in a first answer, and how a stream of events is told from other answers. */
import type { IncomingMessage } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { paid } from "../support/columns.ts";
import { startGate, type TestGate } from "../support/gate.ts";
import { askAgain, rich, under } from "../support/keyed.ts";
import { status } from "../support/origin.ts";

let gate: TestGate;
beforeAll(async () => {
  gate = await startGate();
});
afterAll(async () => gate.close());

it("the reason phrase of an answer is the origin's, with a key as without", async () => {
  const token = await rich(gate, "phrase");
  gate.origin.answer = (_request, response) => void response.writeHead(200, "Fine").end("ok");
  const phrases: (string | undefined)[] = [];
  const onResponse = ({ statusMessage }: IncomingMessage): void => void phrases.push(statusMessage);
  await gate.call("/v1/cheap", { token, onResponse });
  await gate.call("/v1/cheap", under("k", { token, onResponse }));
  expect(phrases).toEqual(["Fine", "Fine"]);
});

it("a stream of events is one however its media type is spelled (RFC 9110 section 8.3.1)", async () => {
  const token = await rich(gate, "spelled");
  gate.origin.answer = status(200, { "content-type": "Text/Event-Stream" }, "data: 1\n\n");
  expect(await gate.see("spelled", "/v1/expensive", under("k", { token }))).toMatchObject(paid(100));
  expect(await askAgain(gate, "spelled", "/v1/expensive", under("k", { token }))).toMatchObject({ status: 409 });
});
