/**
 * The law of conservation, from the tables alone: what the account says of itself must be found again in its grants,
 * in its holds and in its journal. After each turn by sums and new lines, at the end by reading everything again.
 */
import type { EntryKind } from "../../src/ledger/command.ts";
import type { Disk } from "./disk.ts";
import { compacted } from "./totals.ts";
import { demand } from "./law.ts";

export type Facts = {
  seq: number;
  granted: number;
  available: number;
  held: number;
  captured: number;
  expired: number;
  reversed: number;
  written_off: number;
  open: number;
  open_holds: number;
  open_count: number;
  hold_count: number;
  refund_count: number;
};
export type GrantFacts = { id: string; credits: number; remaining: number; live: number; reversed: number | null };
export type Line = {
  seq: number;
  at: number;
  kind: EntryKind;
  amount: number;
  held: number;
  written_off: number;
  ref: string;
  request_id: string | null;
  route: string | null;
  /** Of a day's total, how many lines it stands for. */
  calls: number | null;
  balance_available: number;
  balance_held: number;
};
/** What the journal says of one hold. */
export type Account = { held: number; captured: number; writtenOff: number };

const NO_FACTS: Facts = {
  seq: 0,
  granted: 0,
  available: 0,
  held: 0,
  captured: 0,
  expired: 0,
  reversed: 0,
  written_off: 0,
  open: 0,
  open_holds: 0,
  open_count: 0,
  hold_count: 0,
  refund_count: 0,
};

const FACTS = `
  SELECT a.seq, a.granted, a.available, a.held, a.captured, a.expired, a.reversed, a.written_off,
    (SELECT COALESCE(SUM(credits - captured), 0) FROM holds WHERE state = 'held') AS open,
    a.open_holds, (SELECT COUNT(*) FROM holds WHERE state = 'held') AS open_count, (SELECT COUNT(*) FROM holds) AS hold_count, (SELECT COUNT(*) FROM refunds) AS refund_count
  FROM account a`;
const GRANTS = `SELECT id, credits, remaining, live, reversed FROM grants`;
const SUMS = `
  SELECT COALESCE(SUM(amount), 0) AS amount, COALESCE(SUM(held), 0) AS held, COALESCE(SUM(written_off), 0) AS written_off
  FROM entries`;

export class Books {
  readonly #disk: Disk;
  #exists = false;
  facts: Facts = NO_FACTS;
  grants: readonly GrantFacts[] = [];
  /** The journal's lines so far, as first written, or as totals of days long past. */
  lines: Line[] = [];
  #last: Line | undefined;
  readonly holds = new Map<string, Account>();
  readonly #totals = { granted: 0, captured: 0, expired: 0, reversed: 0, writtenOff: 0 };

  constructor(disk: Disk, stranger: boolean) {
    this.#disk = disk;
    this.#exists = !stranger;
  }

  /** Whether the account has tables. */
  get exist(): boolean {
    this.#exists ||= this.#disk.rows(`SELECT 1 AS yes FROM sqlite_master LIMIT 1`).length > 0;
    return this.#exists;
  }

  /** Checks what a turn at `now` left behind, and gives the lines it wrote. */
  check(now: number): readonly Line[] {
    if (!this.exist) return [];
    const facts = this.#disk.rows<Facts>(FACTS)[0] ?? NO_FACTS;
    const before = this.facts;
    this.facts = facts;
    const written = facts.seq === before.seq ? [] : this.#lines(before.seq);
    for (const line of written) this.#enter(line, now);
    this.#conserve(facts);
    return written;
  }

  #lines(after: number): Line[] {
    return this.#disk.rows<Line>(`SELECT * FROM entries WHERE seq > ?1 ORDER BY seq`, after);
  }

  #conserve(facts: Facts): void {
    const { granted, available, held, captured, expired, reversed } = facts;
    const say = (what: string) => () => `${what}: ${JSON.stringify(facts)} ${JSON.stringify(this.grants)}`;
    demand(granted === available + held + captured + expired + reversed, "conservation", say("the five places"));
    demand(Math.min(available, held, captured, expired, reversed) >= 0, "conservation", say("below zero"));
    this.grants = this.#disk.rows<GrantFacts>(GRANTS);
    const sums = { remaining: 0, credits: 0, reversed: 0 };
    for (const grant of this.grants) {
      sums.remaining += grant.remaining;
      sums.credits += grant.credits;
      sums.reversed += grant.reversed ?? 0;
      demand(grant.live === Number(grant.remaining > 0), "conservation", say(`the live flag of ${grant.id}`));
    }
    demand(sums.remaining === available, "conservation", say("what grants have left is not what is available"));
    demand(sums.credits === granted, "conservation", say("the grants are not what was granted"));
    demand(sums.reversed === reversed, "conservation", say("what grants say was reversed"));
    demand(facts.open === held, "conservation", say(`open holds hold ${facts.open}`));
    demand(facts.open_holds === facts.open_count, "conservation", say("the number of open holds"));
    const last = this.#last;
    demand((last?.seq ?? 0) === facts.seq, "journal", say(`the journal ends at ${last?.seq}`));
    demand((last?.balance_available ?? 0) === available, "journal", say("the last line's available"));
    demand((last?.balance_held ?? 0) === held, "journal", say("the last line's held"));
    const totals = this.#totals;
    demand(totals.granted === granted, "journal", say(`the journal grants ${totals.granted}`));
    demand(totals.captured === captured, "journal", say(`the journal captures ${totals.captured}`));
    demand(totals.expired === expired, "journal", say(`the journal lets ${totals.expired} expire`));
    demand(totals.reversed === reversed, "journal", say(`the journal reverses ${totals.reversed}`));
    demand(totals.writtenOff === facts.written_off, "journal", say(`the journal writes off ${totals.writtenOff}`));
  }

  #enter(line: Line, now: number): void {
    const last = this.#last;
    const say = (what: string) => () => `${what}: ${JSON.stringify(line)} after ${JSON.stringify(last)}`;
    demand(line.seq === (last?.seq ?? 0) + 1, "journal", say("a gap"));
    demand(line.at === now, "journal", say(`not of its time, ${now}`));
    demand(line.balance_held === (last?.balance_held ?? 0) + line.held, "journal", say("held"));
    const available = (last?.balance_available ?? 0) + line.amount - line.held;
    demand(line.balance_available === available, "journal", say("available"));
    demand((line.kind === "write_off") === line.written_off > 0, "journal", say("a write-off"));
    demand(line.calls === null, "journal", say("a total"));
    this.lines.push(line);
    this.#last = line;
    const totals = this.#totals;
    if (line.kind === "grant" || line.kind === "refund") totals.granted += line.amount;
    if (line.kind === "capture") totals.captured -= line.amount;
    // The expiry of a hold moves nothing out of the account.
    if (line.kind === "expire") totals.expired -= line.amount;
    if (line.kind === "reverse") totals.reversed -= line.amount;
    totals.writtenOff += line.written_off;
    if (line.request_id === null || line.kind === "refund") return;
    demand(line.request_id === line.ref, "journal", say("a hold's line names another request"));
    const hold = this.holds.get(line.ref) ?? { held: 0, captured: 0, writtenOff: 0 };
    this.holds.set(line.ref, hold);
    hold.held += line.held;
    if (line.kind === "capture") hold.captured -= line.amount;
    hold.writtenOff += line.written_off;
  }

  /** Days before `cutoff` are told in totals from now on. */
  compact(cutoff: number): void {
    this.lines = compacted(this.lines, cutoff);
  }

  /** Reads the whole journal again: no line may have changed, and all together they are the balance. */
  checkAll(): void {
    if (!this.exist) return;
    const sums = this.#disk.rows<{ amount: number; held: number; written_off: number }>(SUMS)[0];
    const { available, held, written_off } = this.facts;
    const say = (): string => `the journal adds up to ${JSON.stringify(sums)}, not ${JSON.stringify(this.facts)}`;
    demand(sums?.amount === available + held && sums.held === held, "journal", say);
    demand(sums.written_off === written_off, "journal", say);
    const again = this.#lines(0);
    const changed = again.findIndex((line, index) => !isSame(line, this.lines[index]));
    demand(changed < 0, "journal", () => `line ${changed + 1} was changed: ${JSON.stringify(again[changed])}`);
    demand(again.length === this.lines.length, "journal", () => `${again.length} lines of ${this.lines.length}`);
  }
}

function isSame(line: Line, other: Line | undefined): boolean {
  return (
    other !== undefined &&
    line.seq === other.seq &&
    line.at === other.at &&
    line.kind === other.kind &&
    line.amount === other.amount &&
    line.held === other.held &&
    line.written_off === other.written_off &&
    line.ref === other.ref &&
    line.calls === other.calls &&
    line.balance_available === other.balance_available &&
    line.balance_held === other.balance_held
  );
}
