/** Attacks on the sum: races, the same call twice, refunds of more than was charged. */
import { at, type Case } from "../case.ts";

const RACE = "Paid exactly as often as the balance reaches; the others refused 402.";
export const SPEND: readonly Case[] = [
  {
    id: "spend-1",
    attack: "40 calls at once on a balance that pays for 5, through one isolate.",
    expected: RACE,
    tests: [at("http/race", "40 of price 1 on a balance of 5 reach the origin exactly 5 times")],
  },
  {
    id: "spend-2",
    attack: "The same through eight isolates over one ledger.",
    expected: RACE,
    tests: [at("http/race-isolates", "40 calls of price 1 on a balance of 5 reach the origin exactly 5 times")],
  },
  {
    id: "spend-3",
    attack: "The same while ledger and KV answer 50 ms late.",
    expected: RACE,
    tests: [at("http/attacks/spend", "serve exactly what is paid for of 40 calls at once")],
  },
  {
    id: "spend-4",
    attack: "A call that costs one credit more than there is.",
    expected: "Refused 402 `insufficient_credits`; the balance stays as it was.",
    tests: [at("http/402", "refuses a call of 100 on a balance of %d, and leaves the balance alone")],
  },
  {
    id: "spend-5",
    attack: "Two calls at once, each for all there is.",
    expected: RACE,
    tests: [at("http/race", "two of price 100 on a balance of 100 are served once")],
  },
  {
    id: "spend-6",
    attack: "Top-ups and calls at once.",
    expected: "The final balance is the exact sum; one top-up sent many times counts once.",
    tests: [
      at("http/race", "with top-ups among them end at the exact sum"),
      at("http/race", "with one top-up sent many times are topped up once"),
    ],
  },
  {
    id: "spend-7",
    attack: "Refunds, reversals, failures and calls at once.",
    expected: "No balance is negative after any entry; each charge is given back at most once over.",
    tests: [
      at("http/race", "with a refund of one charge sent many times get it back once"),
      at("http/attacks/spend", "leave the law of conservation whole and no balance negative"),
    ],
  },
  {
    id: "spend-8",
    attack: "The same Idempotency-Key twice, one after the other.",
    expected: "The second has the first's receipt; one origin hit, one charge.",
    tests: [
      at("http/idempotency", "a call made again under its key gets the same answer"),
      at("http/idempotency-limits", "in the middle of the answer gets all of it when it asks again, and pays once"),
    ],
  },
  {
    id: "spend-9",
    attack: "20 calls at once with one Idempotency-Key.",
    expected: "One origin hit and one charge; the others have its receipt or 409 `request_in_flight`.",
    tests: [at("http/idempotency", "reach the origin once and are charged once (origin takes %d ms)")],
  },
  {
    id: "spend-10",
    attack: "A known Idempotency-Key with another body, path, query or price.",
    expected: "Refused 422 `idempotency_mismatch`.",
    tests: [
      at("http/idempotency-keys", "%s is refused with 422, and nothing happens; the first one is still answered"),
      at("http/idempotency", "through a restart of the gate, and across a change of price it means another request"),
    ],
  },
  {
    id: "spend-11",
    attack: "One Idempotency-Key from two accounts.",
    expected: "Two calls that know nothing of each other, each paid.",
    tests: [at("http/idempotency-keys", "is another's in another account")],
  },
  {
    id: "spend-12",
    attack: "Idempotency-Keys that are empty, too long, not ASCII, or two.",
    expected: "Taken up to 255 characters as they are, else refused 400.",
    tests: [
      at("http/idempotency-keys", "is %s: charged once, and it reaches the origin as the account's own"),
      at("http/idempotency-keys", "is one that is %s: 400, and nothing happens"),
    ],
  },
  {
    id: "spend-13",
    attack: "A call fails at the origin and is tried again with its Idempotency-Key.",
    expected: "It runs again and is charged once in all.",
    tests: [
      at(
        "http/idempotency",
        "a call that was not charged leaves its key free: made again, it is served and charged once",
      ),
    ],
  },
  {
    id: "spend-14",
    attack: "An Idempotency-Key is used again after it was forgotten.",
    expected: "A new call and a new charge; the 24 h are stated.",
    tests: [at("ledger/idempotency", "for 24 hours to the millisecond, whether or not the alarm rings (%s)")],
  },
  {
    id: "spend-15",
    attack: "Refunds of more than the charge, in parts that exceed it, of −1, 0, a half or no number, or sent twice.",
    expected: "Refused 400 or 409 with nothing moved; what is right adds up to the charge and no more.",
    tests: [
      at("http/attacks/spend", "comes to no more than its charge, in whatever parts and however often it is sent"),
      at("http/attacks/spend", "of %s is refused, and moves nothing"),
      at("http/operator-refunds", "gives back once however many send it at the same time"),
    ],
  },
  {
    id: "spend-16",
    attack: "A refund of a call that was voided, or whose hold expired.",
    expected: "Refused 409 `conflict`.",
    tests: [
      at("http/attacks/spend", "of a call that was voided is refused, and moves nothing"),
      at("http/attacks/spend", "of a call whose hold expired uncharged is refused, and moves nothing"),
    ],
  },
  {
    id: "spend-17",
    attack: "A refund of another account's charge.",
    expected: "Refused 404 `not_found`, as for a charge that never was.",
    tests: [at("http/attacks/spend", "of another account's charge finds nothing")],
  },
  {
    id: "spend-18",
    attack: "The ledger is broken, locked or overloaded.",
    expected: "Refused 503 `ledger_unavailable` with Retry-After: never 402, never free.",
    tests: [
      at("http/503", "forwards nothing, charges nothing, asks for no money"),
      at("http/attacks/spend", "makes a call 503 with a time to try again"),
      at("ledger/client", "is not asked again: that would add to its queue"),
    ],
  },
  {
    id: "spend-19",
    attack: "The origin has no name, does not answer, answers nonsense, fails or is too slow.",
    expected: "502, 504 or the origin's own 5xx; hold and void, nothing charged.",
    tests: [
      at("http/502", "charges nothing when %s"),
      at("http/502", "charges nothing when it %s, and serves the next call with the same credits"),
      at("http/504", "charges nothing, has the credits back at once"),
      at("http/500", "passes a %i through unchanged and charges nothing"),
    ],
  },
  {
    id: "spend-20",
    attack: "The origin refuses calls with 4xx, again and again.",
    expected: "Its words pass and cost nothing, on every run; `chargeOn` can say otherwise.",
    tests: [
      at("http/500", "keeps its rule on every run"),
      at("http/500", "charges a %i of the origin and passes it through"),
    ],
  },
];
