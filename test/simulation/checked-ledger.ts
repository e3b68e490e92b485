/**
 * The ledger under trial: every turn goes through here, and after every turn every law is checked.
 *
 * A turn is a command, a question, an alarm or a restart. The coin ledger beside it says what the answer must be;
 * the books, the lives of the holds and the answers given before say what must be so whatever the answer is.
 */
import type { Command, GrantView, Outcome, Query, Readings } from "../../src/ledger/command.ts";
import { RETENTION_DAYS } from "../../src/ledger/retention.ts";
import { CoinLedger } from "../ledger/model.ts";
import { Answers } from "./answers.ts";
import { Books, type Line } from "./books.ts";
import { checkAnswer, checkCoins } from "./coins.ts";
import { DAY } from "./contents.ts";
import { Breakdown, type Disk } from "./disk.ts";
import { Broken, demand } from "./law.ts";
import { Lifecycle } from "./lifecycle.ts";
import { checkReading, Settings } from "./readings.ts";
import { Refunds } from "./refunds.ts";
import type { Row as SqlRow } from "../../src/ledger/store.ts";
import type { Rules } from "./rules.ts";
import { describeCommand, type Story } from "./story.ts";
import { count, type Tally } from "./tally.ts";

const RETENTION = RETENTION_DAYS * DAY;

/** The turn broke down. A fault is told to the caller and definite; after a crash nobody answers. */
export type NoAnswer = { readonly kind: "fault" } | { readonly kind: "crashed" };

export type Chores = {
  readonly nextWake: () => number | null;
  readonly duePublication: (now: number) => { readonly version: number } | undefined;
  readonly published: (version: number, now: number) => void;
  readonly postponePublication: (at: number) => void;
};

export class CheckedLedger {
  readonly #disk: Disk;
  readonly #rules: Rules;
  readonly #tally: Tally;
  readonly #story: Story;
  readonly #clock: () => number;
  readonly #batch: number;
  readonly #answers = new Answers();
  readonly #refunds = new Refunds();
  readonly settings = new Settings();
  readonly books: Books;
  readonly lifecycle: Lifecycle;
  readonly coins = new CoinLedger();
  /** The highest report of each hold that was carried out and answered as captured. */
  readonly reported = new Map<string, number>();
  /** The highest limit each capped token was ever sent with. */
  readonly limits = new Map<string, number>();
  /** The calls that were told they are included in the account's plan. */
  readonly included = new Set<string>();
  #breakdown: { n: number; as: NoAnswer } | null = null;
  turns = 0;
  clockWasSetBack = false;

  constructor(
    disk: Disk,
    rules: Rules,
    clock: () => number,
    told: { tally: Tally; story: Story; stranger: boolean; batch: number },
  ) {
    this.#disk = disk;
    this.#rules = rules;
    this.#tally = told.tally;
    this.#story = told.story;
    this.#clock = clock;
    this.#batch = told.batch;
    this.books = new Books(disk, told.stranger);
    this.lifecycle = new Lifecycle(disk, this.books);
  }

  /** The next turn breaks down at its nth statement. */
  breakNext(n: number, as: NoAnswer): void {
    this.#breakdown = { n, as };
  }

  apply(command: Command): Outcome | NoAnswer {
    const now = this.#clock();
    const existed = this.books.exist;
    const turn = this.#turn(
      () => this.#rules.apply(this.#disk.store, command, now),
      () => describeCommand(command),
    );
    if (!turn.done) return turn.as;
    const outcome = turn.value;
    count(this.#tally, `answer ${command.op}: ${outcome.kind}`);
    this.#story?.push(`      ${describeCommand(command)} → ${JSON.stringify(outcome)}`);
    const written = this.books.check(now);
    this.#answers.check(command, outcome);
    if (command.op === "refund" && outcome.kind === "refunded" && !outcome.replayed)
      this.#refunds.check(command.holdId, this.#grantsOfRefund(command.id), this.coins, now);
    const expected = this.#expect(command, now);
    checkAnswer(command, outcome, expected, this.books.facts);
    this.settings.note(command);
    const isHolds = ["hold", "capture", "void", "keep"].includes(command.op);
    const id = "id" in command ? command.id : undefined;
    this.#compare(now, written, isHolds ? id : command.op === "refund" ? command.holdId : undefined);
    if (!("replayed" in outcome || outcome.kind === "changed")) {
      refuseTrace(command, written);
      demand(this.books.exist === existed, "no trace", () => `the refused ${describeCommand(command)} made an account`);
    }
    if (command.op === "hold" && command.cap)
      this.limits.set(command.cap.jti, Math.max(command.cap.credits, this.limits.get(command.cap.jti) ?? 0));
    if (command.op === "hold" && outcome.kind === "included") this.included.add(command.id);
    if (command.op === "capture" && outcome.kind === "captured")
      this.reported.set(command.id, Math.max(command.credits, this.reported.get(command.id) ?? 0));
    return outcome;
  }

  read<Q extends Query>(query: Q): Readings[Query["read"]] | NoAnswer {
    const now = this.#clock();
    const existed = this.books.exist;
    const turn = this.#turn(
      () => this.#rules.read(this.#disk.store, query, now),
      () => `read ${query.read}`,
    );
    if (!turn.done) return turn.as;
    this.#story?.push(`      read ${query.read} → ${JSON.stringify(turn.value)}`);
    const written = this.books.check(now);
    this.coins.pass(now);
    this.#compare(now, written);
    checkReading(query, turn.value, { now, books: this.books, coins: this.coins, settings: this.settings });
    demand(this.books.exist === existed, "no trace", () => `a question made an account`);
    count(this.#tally, `read ${query.read}${turn.value === null ? " of a stranger" : ""}`);
    return turn.value;
  }

  wake(): void {
    const now = this.#clock();
    const written: Line[] = [];
    // A purge works in batches, and the alarm rings again until there is nothing left.
    for (let before = -1; before !== this.#purged();) {
      before = this.#purged();
      const turn = this.#turn(
        () => {
          this.#rules.wake(this.#disk.store, now, this.#batch);
        },
        () => "alarm",
      );
      if (!turn.done) before = -1;
      written.push(...this.books.check(now));
    }
    const cutoff = Math.floor((now - RETENTION) / DAY) * DAY;
    this.books.compact(cutoff);
    this.coins.pass(now);
    this.coins.keys.forget(now);
    for (const id of this.lifecycle.finishedBefore(cutoff)) {
      // A clock that was set back may keep a hold for longer, never for shorter.
      if (!this.clockWasSetBack || !this.lifecycle.find(id)) this.#forget(id);
    }
    this.#compare(now, written);
    this.lifecycle.checkAll(now);
    this.#story?.push(`      the alarm rings`);
  }

  /** How far the journal was purged. */
  #purged(): number {
    return this.rows<{ seq: number }>(`SELECT purged_seq AS seq FROM account`)[0]?.seq ?? 0;
  }

  /** The object is built anew. */
  restart(): void {
    const turn = this.#turn(
      () => {
        this.#rules.open(this.#disk.store);
      },
      () => "restart",
    );
    if (!turn.done) return;
    const now = this.#clock();
    const written = this.books.check(now);
    demand(written.length === 0, "waking", () => `a restart wrote ${JSON.stringify(written)}`);
    checkCoins(this.coins, this.books);
  }

  /** What the object does beside its turns: when it has its alarm ring, what it publishes. */
  get chores(): Chores {
    const { store } = this.#disk;
    return {
      nextWake: () => this.#rules.nextWake(store),
      duePublication: (now) => this.#rules.duePublication(store, now),
      published: (version, now) => {
        this.#rules.published(store, version, now);
      },
      postponePublication: (at) => {
        this.#rules.postponePublication(store, at);
      },
    };
  }

  /** What the checks read of the tables. */
  rows<R extends SqlRow>(query: string): R[] {
    return this.books.exist ? this.#disk.rows<R>(query) : [];
  }

  /** Reads everything again. */
  checkAll(): void {
    this.books.checkAll();
    this.lifecycle.checkAll(this.#clock());
  }

  #turn<T>(turn: () => T, what: () => string): { done: true; value: T } | { done: false; as: NoAnswer } {
    this.turns += 1;
    const breakdown = this.#breakdown;
    this.#breakdown = null;
    if (breakdown) this.#disk.breakAt(breakdown.n);
    try {
      return { done: true, value: turn() };
    } catch (error) {
      if (error instanceof Broken) throw error;
      if (!breakdown || !(error instanceof Breakdown)) throw new Broken("no fault", `${what()}: ${String(error)}`);
      this.#disk.breakAt(Infinity);
      count(this.#tally, `turn ${breakdown.as.kind}`);
      this.#story?.push(`      ${what()} → the ledger breaks down at statement ${breakdown.n} (${breakdown.as.kind})`);
      const written = this.books.check(this.#clock());
      demand(written.length === 0, "no trace", () => `a turn that broke down wrote ${JSON.stringify(written)}`);
      checkCoins(this.coins, this.books);
      return { done: false, as: breakdown.as };
    } finally {
      this.#disk.breakAt(Infinity);
    }
  }

  #compare(now: number, written: readonly Line[], id?: string): void {
    checkCoins(this.coins, this.books);
    const touched = new Set(written.map(({ ref, kind, request_id }) => (kind === "refund" ? request_id : ref)));
    if (id !== undefined) touched.add(id);
    const holds = [...touched].filter((ref) => ref !== null && this.coins.holds.has(ref));
    this.lifecycle.check(
      holds.filter((ref) => ref !== null),
      now,
    );
  }

  #forget(id: string): void {
    this.coins.forget(id);
    this.lifecycle.forget(id);
    this.#answers.forgetHold(id);
    this.#refunds.forget(id);
    this.reported.delete(id);
    count(this.#tally, "hold forgotten after its retention");
  }

  #expect(command: Command, now: number): { kind: string } {
    try {
      return this.coins.apply(command, now, (id) => this.#grantsOfRefund(id));
    } catch (error) {
      throw new Broken("answer", String(error));
    }
  }

  /** The grants a refund made, as the tables show them. */
  #grantsOfRefund(id: string): readonly GrantView[] {
    type Row = {
      id: string;
      kind: GrantView["kind"];
      credits: number;
      priority: number;
      expires_at: number | null;
      routes: string | null;
    };
    const rows = this.#disk.rows<Row>(
      `SELECT id, kind, credits, priority, expires_at, routes FROM grants WHERE id >= ?1 AND id < ?2 ORDER BY seq`,
      `refund/${id}/`,
      `refund/${id}0`,
    );
    return rows.map((row) => ({
      id: row.id,
      kind: row.kind,
      credits: row.credits,
      remaining: row.credits,
      priority: row.priority,
      expiresAt: row.expires_at,
      createdAt: 0,
      routes: row.routes === null ? null : (JSON.parse(row.routes) as string[]),
    }));
  }
}

/** What was due to end may have ended in the same turn; nothing else may be left by a refusal. */
function refuseTrace(command: Command, written: readonly Line[]): void {
  const allowed = written.every(({ kind }) => kind === "expire" || kind === "reverse");
  demand(allowed, "no trace", () => `the refused ${describeCommand(command)} wrote ${JSON.stringify(written)}`);
}
