/**
 * The Durable Object: one account, the only place where its credits change.
 *
 * It adds to the rules what they must not know: the clock, the storage, the alarm, the copy of the standing in KV.
 * Nothing about money lives in its fields, nothing is thrown across its boundary, and between reading a balance
 * and writing it there is no await.
 */
import { DurableObject } from "cloudflare:workers";
import type { Command, Outcome, Query, Readings } from "./command.ts";
import { apply, duePublication, nextWake, open, postponePublication, published, read, wake } from "./ledger.ts";
import { writeStanding } from "./standing.ts";
import type { Row, SqlValue, Store } from "./store.ts";
import { readCommand, SUPPORTED_VERSIONS } from "./versions.ts";

export type AccountEnv = { readonly KV: KVNamespace };

/** What the object answers besides a command's own outcomes. Either way nothing was written. */
export type Fault =
  | { readonly kind: "unsupported_version"; readonly supported: readonly number[] }
  | { readonly kind: "fault" };

/** After a failed write to KV. */
const PUBLISH_RETRY_MS = 10_000;

export class Account extends DurableObject<AccountEnv> {
  readonly #store: Store;
  #isOpen = false;
  /** When the alarm is known to be set for; only ever saves setting it again. */
  #alarmAt = Infinity;

  constructor(ctx: DurableObjectState, env: AccountEnv) {
    super(ctx, env);
    const { storage } = ctx;
    this.#store = {
      exec: <R extends Row>(query: string, ...bindings: readonly SqlValue[]) =>
        storage.sql.exec<R>(query, ...bindings).toArray(),
      transaction: (block) => storage.transactionSync(block),
    };
  }

  /** Before the first turn, and not in the constructor, whose exceptions would cross to the caller. */
  #prepare(): void {
    if (this.#isOpen) return;
    open(this.#store);
    this.#isOpen = true;
  }

  /** Carries out a command of RPC version `version`. The answer leaves only once what it says is on disk. */
  async apply(version: number, command: Command): Promise<Outcome | Fault> {
    return this.#guard(version, () => apply(this.#store, readCommand(version, command), Date.now()));
  }

  /** Answers a query of RPC version `version`. */
  async read(version: number, query: Query): Promise<Readings[Query["read"]] | Fault> {
    return this.#guard(version, () => read(this.#store, query, Date.now()));
  }

  override async alarm(): Promise<void> {
    this.#alarmAt = Infinity;
    this.#prepare();
    wake(this.#store, Date.now());
    await this.#publish();
    await this.#setAlarm();
  }

  async #guard<T>(version: number, turn: () => T): Promise<T | Fault> {
    if (!SUPPORTED_VERSIONS.includes(version)) return { kind: "unsupported_version", supported: SUPPORTED_VERSIONS };
    try {
      this.#prepare();
      const outcome = turn();
      // The alarm only helps: what the turn wrote stands without it, and the next turn sets it again.
      await this.#setAlarm().catch((error: unknown) => {
        console.error(JSON.stringify({ event: "alarm_not_set", account: this.ctx.id.name, error: String(error) }));
      });
      return outcome;
    } catch (error) {
      console.error(JSON.stringify({ event: "ledger_fault", account: this.ctx.id.name, error: String(error) }));
      return { kind: "fault" };
    }
  }

  /** Called in the turn that wrote, so that the alarm is on disk together with what it is for. */
  async #setAlarm(): Promise<void> {
    const at = nextWake(this.#store);
    if (at === null || at >= this.#alarmAt) return;
    await this.ctx.storage.setAlarm(at);
    this.#alarmAt = at;
  }

  async #publish(): Promise<void> {
    const due = duePublication(this.#store, Date.now());
    const view = due && read(this.#store, { read: "account" }, Date.now());
    const account = this.ctx.id.name;
    if (!due || !view || account === undefined) return;
    try {
      await writeStanding(this.env.KV, account, view);
      published(this.#store, due.version, Date.now());
    } catch (error) {
      // The standing is a copy: the object stays right without it, and tries again.
      console.error(JSON.stringify({ event: "standing_not_written", account, error: String(error) }));
      postponePublication(this.#store, Date.now() + PUBLISH_RETRY_MS);
    }
  }
}
