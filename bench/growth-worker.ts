/**
 * The object of an account under measurement: the product's own, which can also be filled quickly, counts the rows it
 * reads and writes, and rings its alarm only when it is told to.
 */
import { credits } from "../src/credits.ts";
import { Account } from "../src/ledger/account.ts";
import type { CaptureCommand, GrantCommand, HoldCommand } from "../src/ledger/command.ts";
import { connectLedger } from "../src/ledger/client.ts";
import { apply, open, wake } from "../src/ledger/ledger.ts";
import type { Row, SqlValue, Store } from "../src/ledger/store.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ROUTE = "GET /v1/search";

function grantOf(id: string, more: Partial<GrantCommand> = {}): GrantCommand {
  const terms = { kind: "bought", priority: 50, expiresAt: null, routes: null } as const;
  return { op: "grant", id, credits: credits(1_000_000_000), ...terms, ...more };
}
function holdOf(id: string, more: Partial<HoldCommand> = {}): HoldCommand {
  const token = { jti: "t1", issuedAt: 4_000_000_000 };
  const plain = { includedBy: [], token, cap: null, idempotency: null };
  return { op: "hold", id, credits: credits(2), ttlSeconds: 90, route: ROUTE, ...plain, ...more };
}
const captureOf = (id: string): CaptureCommand => ({ op: "capture", id, credits: credits(2), final: true });
const keyed = (key: string): Partial<HoldCommand> => ({ idempotency: { key, digest: "d".repeat(64) } });

function chargeAt(store: Store, id: string, now: number, more: Partial<HoldCommand> = {}): void {
  apply(store, holdOf(id, more), now);
  apply(store, captureOf(id), now);
}

/** What there may be much of: how the nth of it comes about, `from` milliseconds after 1970 on. */
const FILLS: Readonly<Record<string, (store: Store, n: number, from: number) => void>> = {
  calls: (store, n, from) => chargeAt(store, requestId(n), from),
  "calls a day": (store, n, from) => chargeAt(store, requestId(n), from + Math.floor((n / 1000) * DAY)),
  grants: (store, n, from) => apply(store, grantOf(`g${n}`, { credits: credits(1000) }), from),
  "restricted grants": (store, n, from) =>
    apply(store, grantOf(`r${n}`, { credits: credits(1000), routes: ["GET /v1/other"], priority: 60 }), from),
  "restricted grants, first in order": (store, n, from) =>
    apply(store, grantOf(`f${n}`, { credits: credits(1000), routes: ["GET /v1/other"], priority: 1 }), from),
  "ended restricted grants": (store, n, from) => {
    apply(store, grantOf(`e${n}`, { credits: credits(1000), routes: ["GET /v1/other"] }), from);
    apply(store, { op: "reverse", id: `e${n}` }, from);
  },
  "open holds": (store, n, from) => apply(store, holdOf(`o${n}`, { ttlSeconds: 86_400 }), from),
  keys: (store, n, from) => chargeAt(store, requestId(n), from, keyed(`k${n}`)),
  "capped tokens": (store, n, from) =>
    chargeAt(store, requestId(n), from, { cap: { jti: `t${n}`, credits: credits(10), until: from + 90 * DAY } }),
};
/** As long as the gate's. */
function requestId(n: number): string {
  return `req_${"0".repeat(24)}${n.toString(16).padStart(8, "0")}`;
}

type Rows = { read: number; written: number };
export type Sizes = { readonly entries: number; readonly holds: number; readonly bytes: number };

export class GrowingAccount extends Account {
  readonly #counted: Rows = { read: 0, written: 0 };
  readonly #counting: Store = {
    exec: <R extends Row>(query: string, ...bindings: readonly SqlValue[]) => {
      const cursor = this.ctx.storage.sql.exec<R>(query, ...bindings);
      const found = cursor.toArray();
      this.#counted.read += cursor.rowsRead;
      this.#counted.written += cursor.rowsWritten;
      return found;
    },
    transaction: (block) => this.ctx.storage.transactionSync(block),
  };

  /** Only when the bench says so. */
  override async alarm(): Promise<void> {}

  /** Makes the account and, in one transaction, `count` of something, from the `first`th on. */
  async fill(what: string, first: number, count: number, from: number): Promise<Sizes> {
    const inOne: Store = { ...this.#counting, transaction: (block) => block() };
    this.ctx.storage.transactionSync(() => {
      open(inOne);
      apply(inOne, grantOf("first"), from);
      for (let n = first; n < first + count; n++) FILLS[what]?.(inOne, n, from);
    });
    return this.sizes();
  }

  async sizes(): Promise<Sizes> {
    const { sql } = this.ctx.storage;
    const count = (table: string): number => Number(sql.exec(`SELECT COUNT(*) AS n FROM ${table}`).one()["n"]);
    return { entries: count("entries"), holds: count("holds"), bytes: sql.databaseSize };
  }

  /** The rows of one charge. */
  async rows(id: string): Promise<Rows> {
    return this.#count(() => chargeAt(this.#counting, id, Date.now()));
  }

  /** One alarm at time `now`, and the rows it took. */
  async ring(now: number): Promise<Rows & { readonly done: boolean }> {
    const purged = (): unknown => this.ctx.storage.sql.exec(`SELECT purged_seq FROM account`).one()["purged_seq"];
    const before = purged();
    const rows = this.#count(() => wake(this.#counting, now));
    return { ...rows, done: purged() === before };
  }

  #count(act: () => void): Rows {
    Object.assign(this.#counted, { read: 0, written: 0 });
    act();
    return { ...this.#counted };
  }
}

type Env = { readonly ACCOUNTS: DurableObjectNamespace<GrowingAccount> };

/** `/charge/{account}/{id}` charges as the gate does; a POST of [account, method, ...arguments] asks the object. */
export default {
  async fetch(request: Request, { ACCOUNTS }: Env): Promise<Response> {
    const [, act, account = "", id = "", key] = decodeURIComponent(new URL(request.url).pathname).split("/");
    if (act === "charge") {
      const ledger = connectLedger(ACCOUNTS);
      const held = await ledger.apply(account, holdOf(id, key === undefined ? {} : keyed(key)));
      const captured = await ledger.apply(account, captureOf(id));
      return Response.json([held.kind, captured.kind]);
    }
    const [name, method, ...said] = await request.json<[string, "fill" | "sizes" | "rows" | "ring", ...never[]]>();
    const stub = ACCOUNTS.getByName(name) as unknown as Record<string, (...said: unknown[]) => Promise<unknown>>;
    return Response.json(await stub[method]?.(...said));
  },
};
