/**
 * Every hold's story, told three times: by the journal, by the origin's log, by the receipt its caller saw.
 *
 * A hold ends once. What is charged reached the origin, which answered it with something that costs; what reached the
 * origin was held first. A call that was served and is not charged was in flight when the gate was killed.
 */
import type { AccountFact, EntryFact, Facts, HitFact, ReceiptFact, Say } from "./facts.ts";

export type Story = {
  readonly account: string;
  readonly requestId: string;
  readonly route: string;
  readonly credits: number;
  readonly charged: number;
  readonly writtenOff: number;
  /** Its hold had expired before it was charged. */
  readonly late: boolean;
  readonly end: "captured" | "voided" | "expired" | "open";
  /** The origin began an answer that costs. */
  readonly served: boolean;
  /** Served, and neither charged nor written off: the gate died, or stood still, in between. */
  readonly lost: boolean;
};
type Index = {
  readonly facts: Facts;
  readonly hits: ReadonlyMap<string, HitFact>;
  readonly receipts: ReadonlyMap<string, ReceiptFact>;
  readonly cut: ReadonlySet<number>;
  readonly frozen: ReadonlySet<number>;
};

export function checkHolds(say: Say, facts: Facts): Story[] {
  const index: Index = {
    facts,
    hits: new Map(facts.hits.map((hit) => [hit.requestId, hit])),
    receipts: new Map(facts.receipts.map((receipt) => [receipt.requestId, receipt])),
    cut: new Set(
      facts.kills.flatMap(({ unanswered, justAnswered, frozen }) => [...unanswered, ...justAnswered, ...frozen]),
    ),
    frozen: new Set(facts.kills.flatMap(({ frozen }) => [...frozen])),
  };
  const stories = facts.accounts.flatMap((account) =>
    [...byRequest(account.entries)].flatMap(([id, entries]) => {
      const story = tellStory(say, index, account, id, entries);
      if (!story) return [];
      checkOrigin(say, index, story);
      checkReceipt(say, index, story, entries);
      return [story];
    }),
  );
  checkExpired(say, index, stories);
  return stories;
}

const OF_HOLDS = ["hold", "capture", "void", "expire", "write_off"];

/** A journal's entries about calls. A refund names the call too and is an act of the operator's. */
function byRequest(entries: readonly EntryFact[]): Map<string, EntryFact[]> {
  const stories = new Map<string, EntryFact[]>();
  for (const entry of entries) {
    if (entry.requestId === null || !OF_HOLDS.includes(entry.kind)) continue;
    stories.set(entry.requestId, [...(stories.get(entry.requestId) ?? []), entry]);
  }
  return stories;
}

/** The ways a hold may go, in the journal's words. A charge after expiry is a late report: it still charges. */
const WAYS = new Map<string, Story["end"]>([
  ["", "open"],
  ["capture", "captured"],
  ["void", "voided"],
  ["expire", "expired"],
  ["expire capture", "captured"],
  ["expire write_off", "captured"],
  ["expire capture write_off", "captured"],
]);

function tellStory(
  say: Say,
  { facts, hits }: Index,
  { account, view }: AccountFact,
  requestId: string,
  entries: readonly EntryFact[],
): Story | undefined {
  const name = `${account} ${requestId}`;
  const [hold, ...more] = entries.filter(({ kind }) => kind === "hold");
  if (!hold) {
    say("end_without_hold", `${name}: ${entries.map(({ kind }) => kind).join(" ")}`);
    return undefined;
  }
  if (more.length > 0) say("double_hold", name);
  const ends = entries.filter(({ kind }) => kind !== "hold");
  const way = ends.map(({ kind }) => kind).join(" ");
  const captures = ends.filter(({ kind }) => kind === "capture");
  const charged = captures.reduce((sum, { amount }) => sum - amount, 0);
  const writtenOff = ends.reduce((sum, entry) => sum + entry.writtenOff, 0);
  if (captures.length > 1) say("double_charge", `${name}: ${way}`);
  else if (!WAYS.has(way)) say("ended_twice", `${name}: ${way}`);
  const end = WAYS.get(way) ?? "captured";
  const deadline = hold.at + facts.holdSeconds * 1000;
  if (end === "open" && (facts.final || deadline <= view.asOf))
    say("held_for_ever", `${name}: ${hold.held} credits since ${new Date(hold.at).toISOString()}`);
  const route = hold.route ?? "";
  if (facts.prices[route] !== hold.held) say("wrong_price", `${name}: held ${hold.held} for ${route}`);
  if (end === "captured" && charged + writtenOff !== hold.held)
    say("wrong_charge", `${name}: charged ${charged}, wrote off ${writtenOff}, held ${hold.held}`);

  const served = isServed(hits.get(requestId));
  const lost = served && (end === "expired" || end === "open");
  return {
    account,
    requestId,
    route,
    credits: hold.held,
    charged,
    writtenOff,
    late: way.startsWith("expire "),
    end,
    served,
    lost,
  };
}

export function isServed(hit: HitFact | undefined): boolean {
  return hit !== undefined && hit.status >= 200 && hit.status < 400;
}

function checkOrigin(say: Say, { facts, hits, receipts, cut }: Index, story: Story): void {
  const hit = hits.get(story.requestId);
  const name = `${story.account} ${story.requestId}`;
  const answer = `the origin answered ${hit?.status ?? "nothing"}`;
  if (story.charged > 0 && !hit) say("charged_without_hit", `${name}: ${story.charged}`);
  if (story.charged > 0 && hit && !story.served) say("charged_for_failure", `${name}: ${story.charged}, ${answer}`);
  if (hit && story.served && story.end === "voided") {
    // An answer that began after the time-out was for nobody any more.
    const tooLate = hit.tookMs >= facts.timeoutSeconds * 950 || receipts.get(story.requestId)?.status === 504;
    if (!tooLate) say("served_and_voided", `${name}: ${answer} after ${hit.tookMs} ms`);
  }
  if (hit && story.lost && !cut.has(hit.call))
    say("charge_lost", `${name}: ${answer}, ${story.end}, and call ${hit.call} was in flight at no kill`);
}

function checkReceipt(
  say: Say,
  { facts, receipts, cut, frozen }: Index,
  story: Story,
  entries: readonly EntryFact[],
): void {
  const receipt = receipts.get(story.requestId);
  if (!receipt) return;
  const told = receipt.charged ?? 0;
  const name = `${story.account} ${story.requestId}`;
  if (receipt.status === 402) say("refused_and_held", `${name}: ${story.end}`);
  if (facts.prices[routeOf(facts, receipt.call)] === 0) say("free_and_held", `${name}: ${story.credits}`);
  if (story.charged > 0 && told === 0) say("charged_and_told_nothing", `${name}: ${story.charged}`);
  // A call that costs nothing is given its credits back before its caller hears so. A 503 does not wait for that.
  const mayExpire = frozen.has(receipt.call) || (receipt.status === 503 && cut.has(receipt.call));
  if (told === 0 && story.charged === 0 && story.end !== "voided" && !mayExpire)
    say("not_voided", `${name}: ${receipt.status} for nothing, ${story.end}`);
  if (told > 0 && story.end === "voided") say("told_a_charge_never_made", `${name}: ${told}, voided`);
  if (told > 0 && (story.end === "expired" || story.end === "open") && !cut.has(receipt.call))
    say(
      "told_a_charge_never_made",
      `${name}: ${told}, ${story.end}, and call ${receipt.call} was in flight at no kill`,
    );
  if (told > 0 && told !== story.credits) say("receipt_differs", `${name}: told ${told}, held ${story.credits}`);
  const after = entries.find(({ kind }) => kind === "hold")?.balance.available ?? NaN;
  if (receipt.remaining !== null && receipt.remaining !== after + story.credits - told)
    say("receipt_differs", `${name}: told ${receipt.remaining} remain, the journal ${after + story.credits - told}`);
}

/** A hold is left to its deadline only where a kill cut its call. A call that left no other trace was not answered. */
function checkExpired(say: Say, { facts, hits, receipts, cut }: Index, stories: readonly Story[]): void {
  const traced = new Set([...facts.hits, ...facts.receipts].map(({ call }) => call));
  const unanswered = new Set(facts.kills.flatMap((kill) => [...kill.unanswered, ...kill.frozen]));
  for (const { account } of facts.accounts) {
    const expired = stories.filter((story) => story.account === account && story.end === "expired");
    let untraced = 0;
    for (const { requestId } of expired) {
      const call = hits.get(requestId)?.call ?? receipts.get(requestId)?.call;
      if (call === undefined) untraced += 1;
      else if (!cut.has(call)) say("expired_unexplained", `${account} ${requestId}: call ${call} was cut by no kill`);
    }
    const candidates = facts.calls.filter(
      (each) => each.account === account && unanswered.has(each.call) && !traced.has(each.call),
    );
    if (untraced > candidates.length)
      say("expired_unexplained", `${account}: ${untraced} holds without a trace, of ${candidates.length} calls cut`);
  }
}

/** From the other sides: what reached the origin, and what callers saw, each needs its hold. */
export function checkHitsAndReceipts(say: Say, facts: Facts, stories: readonly Story[]): void {
  const held = new Map(stories.map((story) => [story.requestId, story]));
  const seen = new Set<string>();
  for (const hit of facts.hits) {
    const name = `${hit.requestId} (${hit.route})`;
    if (seen.has(hit.requestId)) say("hit_twice", name);
    seen.add(hit.requestId);
    const story = held.get(hit.requestId);
    if (facts.prices[hit.route] === 0) {
      if (story) say("free_and_held", name);
    } else if (!story || story.account !== hit.account || story.route !== hit.route) {
      say("hit_without_hold", `${name} for ${hit.account}`);
    } else if (hit.credits !== story.credits) {
      say("wrong_price", `${name}: the origin was told ${hit.credits}, held were ${story.credits}`);
    }
  }
  for (const { call, requestId, status, charged } of facts.receipts) {
    const price = facts.prices[routeOf(facts, call)] ?? NaN;
    const name = `${requestId} (call ${call}): ${status}, charged ${charged}`;
    if (status < 400 && price > 0 && (charged ?? 0) === 0) say("served_free", name);
    if ((charged ?? 0) > 0 && !held.has(requestId)) say("told_a_charge_never_made", `${name}, never held`);
    if (status === 402 && seen.has(requestId)) say("refused_and_held", `${name}, and the origin was called`);
  }
}

/** Calls are numbered from 1 in the order they were sent. */
function routeOf({ calls }: Facts, call: number): string {
  return calls[call - 1]?.route ?? "";
}
