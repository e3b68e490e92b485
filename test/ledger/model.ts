/**
 * A second ledger, as simple as can be: every credit is a coin that lies somewhere.
 *
 * Written from the design, not from the code, to judge it by. A coin never appears but by a grant or a refund and never
 * disappears, so conservation needs no arithmetic here. Where a refund's coins come from is the ledger's choice; the
 * model only insists that their terms are those of coins that were charged and not yet given back.
 */
import type { Command, GrantCommand, GrantView, HoldCommand, RefundCommand } from "../../src/ledger/command.ts";
import {
  contentOf,
  rankOf,
  termsOf,
  type Answer,
  type Coin,
  type Grant,
  type Hold,
  type Place,
  type State,
} from "./coin.ts";
import { KeyModel } from "./key-model.ts";

export class CoinLedger {
  readonly coins: Coin[] = [];
  readonly grants = new Map<string, { content: string; grant: Grant }>();
  readonly holds = new Map<string, Hold>();
  readonly refunds = new Map<string, { content: string; credits: number }>();
  writtenOff = 0;
  #suspended = false;
  #plan: { name: string | null; until: number | null } = { name: null, until: null };
  readonly #capLimits = new Map<string, number>();
  readonly keys = new KeyModel(this.holds);
  readonly #spentLongAgo = new Map<string, number>();
  readonly #revoked = new Set<string>();
  #revokedUpTo = -1;
  #now = 0;

  /** What the ledger must answer at `now`. `refunded` lists the grants a refund made, as the ledger shows them. */
  apply(command: Command, now: number, refunded: (id: string) => readonly GrantView[]): Answer {
    this.pass(now);
    switch (command.op) {
      case "grant":
        return this.#grant(command);
      case "hold":
        return this.#hold(command);
      case "capture":
        return this.#capture(command.id, command.credits, command.final);
      case "void":
        return this.#void(command.id);
      case "keep":
        return this.keys.keep(this.holds.get(command.id), command.answer, this.#now);
      case "refund":
        return this.#refund(command, refunded);
      case "reverse":
        return this.#reverse(command.id);
      case "status":
        this.#suspended = command.status === "suspended";
        return { kind: "changed" };
      case "plan":
        this.#plan = { name: command.plan, until: command.until };
        return { kind: "changed" };
      case "revoke":
        this.#revoked.add(command.jti);
        return { kind: "changed" };
      case "revoke_all":
        this.#revokedUpTo = Math.max(this.#revokedUpTo, command.issuedAt);
        return { kind: "changed" };
    }
  }

  /** Forgets a hold whose retention is over. What its token spent stays spent. */
  forget(id: string): void {
    const hold = this.holds.get(id);
    const jti = hold?.command.cap?.jti;
    if (hold && jti !== undefined) this.#spentLongAgo.set(jti, this.#longAgo(jti) + hold.charged.length);
    this.holds.delete(id);
  }

  #longAgo(jti: string | undefined): number {
    return this.#spentLongAgo.get(jti ?? "") ?? 0;
  }

  /** Lets time pass: what has run out is over. */
  pass(now: number): void {
    this.#now = now;
    for (const hold of this.holds.values()) if (hold.state === "held" && hold.ends <= now) this.#end(hold, "expired");
    for (const coin of this.coins) if (coin.place === "available") this.#settle(coin);
  }

  count(place: Place): number {
    return this.coins.filter((coin) => coin.place === place).length;
  }

  balance(): { available: number; held: number } {
    return { available: this.count("available"), held: this.count("held") };
  }

  remaining(id: string): number {
    return this.coins.filter(({ grant, place }) => grant.id === id && place === "available").length;
  }

  #mint(grant: Grant, credits: number): void {
    for (let n = 0; n < credits; n++) this.coins.push({ grant, place: "available", givenBack: false });
  }

  /** A coin comes to rest: with its grant, if that still runs. */
  #settle(coin: Coin): void {
    const { reversed, expiresAt } = coin.grant;
    coin.place = reversed ? "reversed" : expiresAt !== null && expiresAt <= this.#now ? "expired" : "available";
  }

  /** The coins that may pay for `route`, in the order they burn. */
  #usable(route: string, place: Place): Coin[] {
    return this.coins
      .filter((coin) => coin.place === place && (coin.grant.routes?.includes(route) ?? true))
      .toSorted((a, b) => {
        const [left, right] = [rankOf(a), rankOf(b)];
        const at = left.findIndex((n, index) => n !== right[index]);
        return at < 0 ? 0 : (left[at] ?? 0) < (right[at] ?? 0) ? -1 : 1;
      });
  }

  #grant(command: GrantCommand): Answer {
    const { id, credits, kind, priority, expiresAt, routes } = command;
    const content = JSON.stringify([credits, kind, priority, expiresAt, routes?.toSorted()]);
    const known = this.grants.get(id);
    if (known && known.content !== content) return { kind: "conflict" };
    if (!known && expiresAt !== null && expiresAt <= this.#now) return { kind: "already_expired" };
    if (!known) {
      const grant = { id, kind, priority, expiresAt, routes, born: this.coins.length, reversed: false };
      this.grants.set(id, { content, grant });
      this.#mint(grant, credits);
    }
    return { kind: "granted", replayed: known !== undefined, balance: this.balance() };
  }

  #hold(command: HoldCommand): Answer {
    const { id, credits, route, ttlSeconds, token, includedBy } = command;
    const known = this.holds.get(id);
    if (known) {
      if (contentOf(known.command) !== contentOf(command)) return { kind: "conflict" };
      return { kind: "held", replayed: true, state: known.state, balance: this.balance() };
    }
    const { name, until } = this.#plan;
    const plan = until !== null && until <= this.#now ? null : name;
    if (this.#suspended) return { kind: "account_suspended" };
    if (token.issuedAt <= this.#revokedUpTo || (token.jti !== null && this.#revoked.has(token.jti)))
      return { kind: "token_revoked" };
    const bound = this.keys.boundTo(command, this.#now);
    if (bound) return this.keys.answer(bound, command, this.#now, this.balance());
    if (plan !== null && includedBy.includes(plan)) return { kind: "included", balance: this.balance() };
    const spent = this.#spentUnder(command.cap?.jti);
    if (command.cap && spent + credits > command.cap.credits)
      return { kind: "spend_limit_reached", limit: command.cap.credits, spent };
    const usable = this.#usable(route, "available");
    if (usable.length < credits) {
      const deadlines = [...this.holds.values()].filter(({ state }) => state === "held").map(({ ends }) => ends);
      return {
        kind: "insufficient_balance",
        required: credits,
        usable: { available: usable.length, held: this.#usable(route, "held").length },
        releaseAt: deadlines.length > 0 ? Math.min(...deadlines) : null,
        balance: this.balance(),
      };
    }
    const coins = usable.slice(0, credits);
    for (const coin of coins) coin.place = "held";
    if (command.cap) this.#capLimits.set(command.cap.jti, command.cap.credits);
    const ends = this.#now + ttlSeconds * 1000;
    const unresolved = { charged: [], lost: 0, state: "held" as const, endedAt: NaN, answer: undefined };
    const placed = { command, ends, coins, boundAt: this.#now, ...unresolved };
    this.holds.set(id, placed);
    this.keys.own(placed, this.#now);
    return { kind: "held", replayed: false, state: "held", balance: this.balance() };
  }

  #capture(id: string, soFar: number, final: boolean): Answer {
    const hold = this.holds.get(id);
    if (!hold) return { kind: "hold_not_found" };
    if (soFar > hold.command.credits) return { kind: "exceeds_hold", held: hold.command.credits };
    const added = Math.max(0, soFar - hold.charged.length - hold.lost);
    if (hold.state === "voided" || (hold.state === "captured" && added > 0))
      return { kind: "hold_resolved", as: hold.state };
    const late = hold.state === "expired";
    const isLate = late && added > 0;
    const source = isLate ? this.#lateCoins(hold) : hold.coins.slice(hold.charged.length);
    const found = source.slice(0, added);
    if (isLate) hold.endedAt = this.#now;
    for (const coin of found) coin.place = "captured";
    hold.charged.push(...found);
    hold.lost += added - found.length;
    this.writtenOff += added - found.length;
    const ends = final && hold.state === "held";
    if (ends) this.#end(hold, "captured");
    const [credits, writtenOff] = [hold.charged.length, hold.lost];
    return { kind: "captured", replayed: added === 0 && !ends, credits, writtenOff, balance: this.balance() };
  }

  #void(id: string): Answer {
    const hold = this.holds.get(id);
    if (!hold) return { kind: "hold_not_found" };
    if (hold.state === "captured" || hold.state === "expired") return { kind: "hold_resolved", as: hold.state };
    const replayed = hold.state === "voided";
    if (!replayed) this.#end(hold, "voided");
    return { kind: "voided", replayed, balance: this.balance() };
  }

  /** What a late charge may take: nothing if its key has passed on, no more than its token's cap leaves. */
  #lateCoins(hold: Hold): Coin[] {
    const { route, cap } = hold.command;
    if (this.keys.boundTo(hold.command, this.#now, hold)) {
      hold.boundAt = -Infinity;
      return [];
    }
    this.keys.own(hold, this.#now);
    const coins = this.#usable(route, "available");
    return cap ? coins.slice(0, Math.max(0, (this.#capLimits.get(cap.jti) ?? 0) - this.#spentUnder(cap.jti))) : coins;
  }

  #spentUnder(jti: string | undefined): number {
    const capped = [...this.holds.values()].filter(({ command }) => jti !== undefined && command.cap?.jti === jti);
    return capped.reduce(
      (sum, { state, coins, charged }) => sum + (state === "held" ? coins : charged).length,
      this.#longAgo(jti),
    );
  }

  #end(hold: Hold, state: State): void {
    hold.state = state;
    hold.endedAt = state === "expired" ? hold.ends : this.#now;
    for (const coin of hold.coins) if (coin.place === "held") this.#settle(coin);
  }

  #refund({ id, holdId, credits }: RefundCommand, refunded: (id: string) => readonly GrantView[]): Answer {
    const content = JSON.stringify([holdId, credits]);
    const known = this.refunds.get(id);
    if (known && known.content !== content) return { kind: "conflict" };
    if (known) return { kind: "refunded", replayed: true, credits: known.credits, balance: this.balance() };
    const hold = this.holds.get(holdId);
    if (!hold) return { kind: "hold_not_found" };
    if (hold.charged.length === 0) return { kind: "nothing_charged" };
    const refundable = hold.charged.filter(({ givenBack }) => !givenBack);
    const wanted = credits ?? refundable.length;
    if (wanted === 0 || wanted > refundable.length) return { kind: "exceeds_charge", refundable: refundable.length };
    for (const made of refunded(id)) this.#giveBack(refundable, made);
    this.refunds.set(id, { content, credits: wanted });
    return { kind: "refunded", replayed: false, credits: wanted, balance: this.balance() };
  }

  #giveBack(refundable: readonly Coin[], made: GrantView): void {
    const { id, kind, priority, expiresAt, routes, credits } = made;
    // An expiry that has passed is not inherited.
    const inherited = ({ grant }: Coin): string =>
      termsOf({ ...grant, expiresAt: (grant.expiresAt ?? Infinity) <= this.#now ? null : grant.expiresAt });
    for (let n = 0; n < credits; n++) {
      const coin = refundable.find((one) => !one.givenBack && inherited(one) === termsOf(made));
      if (!coin) throw new Error(`${id} gives back on terms under which nothing unreturned was charged`);
      coin.givenBack = true;
    }
    const grant = { id, kind, priority, expiresAt, routes, born: this.coins.length, reversed: false };
    this.grants.set(id, { content: "", grant });
    this.#mint(grant, credits);
  }

  #reverse(id: string): Answer {
    const grant = this.grants.get(id)?.grant;
    if (!grant) return { kind: "grant_not_found" };
    const replayed = grant.reversed;
    grant.reversed = true;
    const own = this.coins.filter((coin) => coin.grant === grant);
    for (const coin of own) if (coin.place === "available") this.#settle(coin);
    const credits = own.filter(({ place }) => place === "reversed").length;
    return { kind: "reversed", replayed, credits, spent: own.length - credits, balance: this.balance() };
  }
}
