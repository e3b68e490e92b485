/**
 * The operator of a gate that is about to die: top-ups, refunds and reversals under load, each under one id that is
 * sent until it is answered, by this gate or by the next. An answer that was lost is asked for again.
 */
import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Chance } from "./chance.ts";
import { isAnswered } from "./check-acts.ts";
import { send } from "./client.ts";
import type { AccountFact, ActFact, EntryFact, ReceiptFact } from "./facts.ts";
import { POOR } from "./world.ts";

export type Gate = { readonly port: number; readonly adminToken: string; readonly agent: Agent };

/** Carries out one attempt of an act. Where no answer comes, none is noted: it may have been carried out. */
export async function attempt(gate: Gate, act: ActFact): Promise<void> {
  const collection = act.kind === "refund" ? "refunds" : "grants";
  const body =
    act.kind === "refund"
      ? { request_id: act.charge, credits: act.credits }
      : { credits: act.credits, expires_at: act.expiresAt };
  act.attempts += 1;
  try {
    const answer = await send({
      agent: gate.agent,
      port: gate.port,
      token: gate.adminToken,
      method: act.kind === "reversal" ? "DELETE" : "PUT",
      path: `/_farebox/accounts/${act.account}/${collection}/${act.id}`,
      ...(act.kind === "reversal" ? {} : { body: JSON.stringify(body) }),
    });
    const said = JSON.parse(answer.body) as Record<string, unknown>;
    act.answers.push({
      status: answer.status,
      replayed: said["replayed"] === true,
      credits: Number(said[act.kind === "reversal" ? "reversed" : "credits"]),
    });
  } catch {
    // The gate died over it.
  }
}

const make = (kind: ActFact["kind"], account: string, id: string, more: Partial<ActFact> = {}): ActFact => ({
  kind,
  account,
  id,
  credits: null,
  charge: null,
  expiresAt: null,
  attempts: 0,
  answers: [],
  ...more,
});

export function firstGrant(account: string, credits: number): ActFact {
  return make("grant", account, `first-${account}`, { credits });
}

/** Something new to do, or something old to ask for again. */
function choose(
  chance: Chance,
  acts: readonly ActFact[],
  receipts: readonly ReceiptFact[],
  accountOf: (call: number) => string,
): ActFact {
  const id = `act-${acts.length}`;
  const turn = chance.next();
  const [old] = acts.slice(chance.whole(0, Math.max(0, acts.length - 1)));
  if (turn < 0.15 && old) return old;
  const charge = receipts[receipts.length - chance.whole(1, 200)];
  if (turn < 0.45 && charge && (charge.charged ?? 0) > 0) {
    const credits = chance.odds(0.5) ? null : chance.whole(1, charge.charged ?? 1);
    return make("refund", accountOf(charge.call), id, { credits, charge: charge.requestId });
  }
  if (turn < 0.6 && old && old.kind === "grant" && !old.id.startsWith("first")) {
    return acts.find((act) => act.kind === "reversal" && act.id === old.id) ?? make("reversal", old.account, old.id);
  }
  const expiresAt = chance.odds(0.15) ? new Date(Date.now() + chance.whole(500, 4_000)).toISOString() : null;
  return make("grant", chance.pick(POOR), id, { credits: chance.whole(1, 8), expiresAt });
}

const HANDS = 3;

export type Office = { stop(): Promise<void> };

/** Works until told to stop, beginning with what the last gate left unanswered. */
export function startOffice(
  gate: Gate,
  chance: Chance,
  acts: ActFact[],
  receipts: readonly ReceiptFact[],
  accountOf: (call: number) => string,
): Office {
  const state = { stopped: false };
  const busy = new Set<ActFact>();
  const work = async (): Promise<void> => {
    while (!state.stopped) {
      const act =
        acts.find((each) => !busy.has(each) && !isAnswered(each)) ?? choose(chance, acts, receipts, accountOf);
      if (!busy.has(act)) {
        if (!acts.includes(act)) acts.push(act);
        busy.add(act);
        await attempt(gate, act);
        busy.delete(act);
      }
      await sleep(chance.whole(0, 60));
    }
  };
  const hands = Promise.all(Array.from({ length: HANDS }, work));
  return {
    async stop() {
      state.stopped = true;
      await hands;
    },
  };
}

/** An account as the gate tells it, and its whole journal. */
export async function readAccountFact(
  gate: Gate,
  account: string,
  earlier: readonly EntryFact[],
): Promise<AccountFact> {
  // oxlint-disable-next-line typescript/no-explicit-any -- the gate's JSON, every field of which is laid out below
  const get = async (path: string): Promise<any> => {
    const { status, body } = await send({
      ...gate,
      token: gate.adminToken,
      method: "GET",
      path: `/_farebox/accounts/${account}${path}`,
    });
    if (status !== 200) throw new Error(`${account}${path}: ${status} ${body}`);
    return JSON.parse(body);
  };
  const entries: EntryFact[] = [];
  for (let after: number | null = 0; after !== null;) {
    const page = await get(`/entries?limit=1000&after=${after}`);
    for (const { at, request_id, route, written_off, ...entry } of page.entries)
      entries.push({
        ...entry,
        at: Date.parse(at),
        requestId: request_id ?? null,
        route: route ?? null,
        writtenOff: written_off ?? 0,
      });
    after = page.next;
  }
  const { available, held, granted, captured, expired, reversed, written_off, as_of } = await get("");
  const view = {
    available,
    held,
    granted,
    captured,
    expired,
    reversed,
    writtenOff: written_off,
    asOf: Date.parse(as_of),
  };
  return { account, view, entries, earlier };
}
