/** What readers are told must be the state the ledger has: balance, grants, plan, status, revocations, journal. */
import type { AccountView, Command, Entry, Query, Readings } from "../../src/ledger/command.ts";
import type { CoinLedger } from "../ledger/model.ts";
import type { Books, Line } from "./books.ts";
import { isSame } from "./coins.ts";
import { demand } from "./law.ts";

/** What operators said last. */
export class Settings {
  status = "active";
  plan: string | null = null;
  until: number | null = null;
  readonly revoked = new Set<string>();
  revokedUpTo: number | null = null;

  note(command: Command): void {
    if (command.op === "status") this.status = command.status;
    if (command.op === "plan") [this.plan, this.until] = [command.plan, command.until];
    if (command.op === "revoke") this.revoked.add(command.jti);
    if (command.op === "revoke_all") this.revokedUpTo = Math.max(this.revokedUpTo ?? 0, command.issuedAt);
  }

  planAt(now: number): string | null {
    return this.until !== null && this.until <= now ? null : this.plan;
  }
}

type State = {
  readonly now: number;
  readonly books: Books;
  readonly coins: CoinLedger;
  readonly settings: Settings;
};

export function checkReading(query: Query, found: Readings[Query["read"]], state: State): void {
  if (!state.books.exist) {
    demand(found === null, "telling", () => `a stranger's ${query.read} is ${JSON.stringify(found)}`);
    return;
  }
  const { settings, now } = state;
  if (query.read === "access") {
    const { jti, issuedAt } = query.token;
    const isListed = jti !== null && settings.revoked.has(jti);
    const revoked = isListed || (settings.revokedUpTo !== null && issuedAt <= settings.revokedUpTo);
    const wanted = { suspended: settings.status === "suspended", revoked, plan: settings.planAt(now) };
    demand(isSame(found, wanted), "telling", () => `${JSON.stringify(found)}, must be ${JSON.stringify(wanted)}`);
  }
  if (query.read === "entries") checkEntries(query.after, query.limit, found as Readings["entries"], state.books.lines);
  if (query.read === "account") checkView(found as AccountView, state);
}

function checkEntries(after: number, limit: number, found: Readings["entries"], lines: readonly Line[]): void {
  const wanted = lines.filter(({ seq }) => seq > after).slice(0, limit);
  const last = wanted.at(-1)?.seq ?? null;
  const next = (last ?? after) < (lines.at(-1)?.seq ?? 0) ? last : null;
  const say = (): string => `${JSON.stringify(found)}, must be ${JSON.stringify(wanted)} and then ${next}`;
  demand(found?.entries.length === wanted.length && found.next === next, "telling", say);
  demand(
    found.entries.every((entry, index) => isSame(entry, entryOf(wanted[index]))),
    "telling",
    say,
  );
}

function entryOf(line: Line | undefined): Entry | undefined {
  return (
    line && {
      seq: line.seq,
      at: line.at,
      kind: line.kind,
      amount: line.amount,
      held: line.held,
      writtenOff: line.written_off,
      ref: line.ref,
      requestId: line.request_id,
      route: line.route,
      calls: line.calls,
      balance: { available: line.balance_available, held: line.balance_held },
    }
  );
}

function checkView(found: AccountView, { now, books: { facts }, coins, settings }: State): void {
  const plan = settings.planAt(now);
  const said = { ...found, version: 0, grants: found.grants.map(({ id, remaining }) => [id, remaining]) };
  const left = new Map<string, number>();
  for (const { place, grant } of coins.coins)
    if (place === "available") left.set(grant.id, (left.get(grant.id) ?? 0) + 1);
  const wanted = {
    status: settings.status,
    plan,
    planUntil: plan === null ? null : settings.until,
    asOf: now,
    version: 0,
    available: facts.available,
    held: facts.held,
    granted: facts.granted,
    captured: facts.captured,
    expired: facts.expired,
    reversed: facts.reversed,
    writtenOff: facts.written_off,
    tokensRevokedAt: settings.revokedUpTo,
    grants: said.grants.map(([id]) => [id, left.get(String(id)) ?? 0]),
  };
  const say = (): string => `${JSON.stringify(said)}, must be ${JSON.stringify(wanted)}`;
  demand(isSame(said, wanted) && said.grants.length === left.size, "telling", say);
}
