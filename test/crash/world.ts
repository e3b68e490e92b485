/** What a crash happens to: the routes and their prices, the accounts, the origin that misbehaves, the log it keeps. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../../src/config.ts";
import { startOrigin, type RecordingOrigin } from "../support/origin.ts";
import type { Chance } from "./chance.ts";
import type { HitFact } from "./facts.ts";

export const HOLD_SECONDS = 2;
const TIMEOUT_SECONDS = 1;

export const PRICES: Readonly<Record<string, number>> = {
  "GET /v1/free": 0,
  "GET /v1/cheap": 1,
  "POST /v1/work": 7,
  "GET /v1/slow": 3,
  "GET /v1/failing": 5,
  "GET /v1/events": 4,
};
export const FREE_ROUTE = "GET /v1/free";
/** As often as they stand here. */
export const ROUTES: readonly [string, ...string[]] = [
  FREE_ROUTE,
  "GET /v1/cheap",
  "GET /v1/cheap",
  "GET /v1/cheap",
  "POST /v1/work",
  "POST /v1/work",
  "GET /v1/slow",
  "GET /v1/failing",
  "GET /v1/failing",
  "GET /v1/events",
];
/** Two that can pay for everything, and two that live from one top-up to the next. */
export const ACCOUNTS: Readonly<Record<string, number>> = { ada: 1_000_000, ben: 1_000_000, cy: 40, dee: 25 };
export const POOR: readonly [string, ...string[]] = ["cy", "dee"];
export const ACCOUNT_NAMES: readonly [string, ...string[]] = ["ada", "ben", "cy", "dee"];

export const config = (originUrl: string): Partial<Config> => ({
  prices: Object.fromEntries(
    Object.entries(PRICES).map(([route, credits]) => [route, credits === 0 ? "free" : credits]),
  ) as unknown as Config["prices"],
  // Tokens outlive the gate that minted them, whatever port the next one gets.
  publicUrl: "https://api.example.com",
  origin: { url: originUrl, insecure: true, timeoutSeconds: TIMEOUT_SECONDS },
  holdTtlSeconds: HOLD_SECONDS,
});
export const TIMES = { holdSeconds: HOLD_SECONDS, timeoutSeconds: TIMEOUT_SECONDS };

export type CrashOrigin = { readonly recording: RecordingOrigin; readonly hits: HitFact[] };

export async function startCrashOrigin(chance: Chance): Promise<CrashOrigin> {
  const recording = await startOrigin();
  const hits: HitFact[] = [];
  recording.answer = async (request, response) => {
    // Every request is kept in `hits`; the recording's own copy would only grow.
    recording.hits.length = 0;
    const hit = readHit(request);
    hits.push(hit);
    const began = performance.now();
    const answer = (status: number, headers: Record<string, string> = {}): boolean => {
      // Whoever left, or died, is not served.
      if (response.destroyed || request.socket.destroyed) return false;
      hit.status = status;
      hit.tookMs = Math.round(performance.now() - began);
      response.writeHead(status, headers).flushHeaders();
      return true;
    };
    try {
      await behave(hit.route, chance, answer, response);
    } finally {
      hit.done = true;
    }
  };
  return { recording, hits };
}

function readHit({ url = "", method = "", headers }: IncomingMessage): HitFact {
  const { pathname, searchParams } = new URL(url, "http://origin");
  return {
    call: Number(searchParams.get("call")),
    requestId: String(headers["farebox-request-id"]),
    account: String(headers["farebox-account"] ?? ""),
    route: `${method} ${pathname}`,
    credits: Number(headers["farebox-credits"]),
    status: 0,
    tookMs: 0,
    done: false,
  };
}

async function behave(
  route: string,
  chance: Chance,
  answer: (status: number, headers?: Record<string, string>) => boolean,
  response: ServerResponse,
): Promise<void> {
  switch (route) {
    case "GET /v1/slow":
      // Some answer too late on purpose, none nearly too late.
      await sleep(chance.odds(0.05) ? TIMEOUT_SECONDS * 1000 + 150 : chance.whole(30, 300));
      break;
    case "GET /v1/failing": {
      await sleep(chance.whole(0, 20));
      const failure = chance.pick([500, 503, 404, 402, "broken", "served"] as const);
      if (failure === "broken") response.destroy();
      else if (failure !== "served" && answer(failure)) response.end();
      if (failure !== "served") return;
      break;
    }
    case "GET /v1/events":
      await sleep(chance.whole(0, 20));
      if (!answer(200, { "content-type": "text/event-stream" })) return;
      for (let n = chance.whole(1, 5); n > 0 && !response.destroyed; n--) {
        response.write(`data: ${n}\n\n`);
        await sleep(chance.whole(5, 40));
      }
      // Some streams break off: what was begun is charged all the same.
      if (chance.odds(0.2)) response.destroy();
      else response.end();
      return;
    default:
      await sleep(chance.whole(0, 20));
  }
  if (answer(200)) response.end("ok");
}
