/**
 * Callers on many sides of a gate that is about to die. They note what they sent before they send it, and what they
 * were told when they are told it.
 */
import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Chance } from "./chance.ts";
import { send } from "./client.ts";
import type { CallFact, HitFact, KillFact, ReceiptFact } from "./facts.ts";
import { ACCOUNT_NAMES, FREE_ROUTE, ROUTES } from "./world.ts";

const CALLERS = 16;
/** Of calls to the slow routes, how many callers hang up. */
const LEAVE_ODDS = 0.1;
const LEAVABLE = ["GET /v1/slow", "GET /v1/events"];
/** The longest a call that its caller left may go on at the gate and the origin. */
const LEFT_CALL_MS = 1_500;

export type Notes = {
  readonly calls: CallFact[];
  readonly receipts: ReceiptFact[];
  readonly faults: string[];
  /** The origin's log, to wait for the end of calls their callers left. */
  readonly hits: readonly HitFact[];
};
export type Load = {
  /** Resolves when so many more answers were seen, or when it has taken too long. */
  answered(count: number, timeoutMs: number): Promise<void>;
  /** Sends no more; resolves when the calls under way have ended. */
  stop(): Promise<void>;
  /** The calls that the gate, as far as their callers know, may be at work on. */
  underWay(): ReadonlySet<number>;
  /** Said just before the kill: which calls it may cut. From here on broken calls are nobody's fault. */
  die(): Pick<KillFact, "unanswered" | "justAnswered">;
};

export function startLoad(port: number, tokens: ReadonlyMap<string, string>, chance: Chance, notes: Notes): Load {
  const agent = new Agent({ keepAlive: true });
  const state = { stopped: false, dead: false };
  const open = new Set<number>();
  /** Each caller's last answered call: its charge may still be on its way to the ledger. */
  const last = new Map<number, number>();

  const call = async (caller: number): Promise<void> => {
    const route = chance.pick(ROUTES);
    const [method = "", path = ""] = route.split(" ");
    const account = chance.pick(ACCOUNT_NAMES);
    const number = notes.calls.length + 1;
    notes.calls.push({ call: number, caller, account, route });
    open.add(number);
    const leaves = LEAVABLE.includes(route) && chance.odds(LEAVE_ODDS);
    let headSeen = false;
    const onHead = (status: number, headers: Record<string, unknown>): void => {
      headSeen = true;
      notes.receipts.push(readReceipt(number, status, headers));
    };
    try {
      await send({
        agent,
        port,
        method,
        path: `${path}?call=${number}`,
        onHead,
        ...(route === FREE_ROUTE ? {} : { token: tokens.get(account) ?? "" }),
        ...(method === "POST" ? { body: "work" } : {}),
        ...(leaves ? { leaveAfterMs: chance.whole(1, 200) } : {}),
      });
    } catch (error) {
      // A stream may break off behind its head; before it, a gate that lives answers.
      if (!state.dead && !leaves && !headSeen) notes.faults.push(`call ${number} (${route}) broke: ${String(error)}`);
      if (leaves) await isOver(number);
    }
    if (state.dead) return;
    open.delete(number);
    last.set(caller, number);
  };
  /** A call that its caller left goes on: the gate has it until the origin is done with it. */
  const isOver = async (number: number): Promise<void> => {
    const deadline = performance.now() + LEFT_CALL_MS;
    while (!state.dead && performance.now() < deadline) {
      if (notes.hits.some((hit) => hit.call === number && hit.done)) return;
      await sleep(20);
    }
  };
  const caller = async (_: unknown, name: number): Promise<void> => {
    while (!state.stopped && !state.dead) await call(name);
  };
  const callers = Promise.all(Array.from({ length: CALLERS }, caller));

  return {
    async answered(count, timeoutMs) {
      const enough = notes.receipts.length + count;
      const deadline = performance.now() + timeoutMs;
      while (notes.receipts.length < enough && performance.now() < deadline) await sleep(1);
    },
    async stop() {
      state.stopped = true;
      await callers;
      agent.destroy();
    },
    underWay: () => new Set([...open, ...last.values()]),
    die() {
      state.dead = true;
      return { unanswered: new Set(open), justAnswered: new Set(last.values()) };
    },
  };
}

function readReceipt(call: number, status: number, headers: Record<string, unknown>): ReceiptFact {
  const number = (name: string): number | null => (headers[name] === undefined ? null : Number(headers[name]));
  const requestId = String(headers["request-id"]);
  return { call, status, requestId, charged: number("credits-charged"), remaining: number("credits-remaining") };
}
