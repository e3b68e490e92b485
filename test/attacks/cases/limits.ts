/** Attacks with much: numbers, depths, keys, calls, and bodies that never end. */
import { at, type Case } from "../case.ts";

export const LIMITS: readonly Case[] = [
  {
    id: "limits-1",
    attack: "A top-up beyond what an account can hold.",
    expected: "Refused 400, also in pieces and by way of a refund; no sum wraps around.",
    tests: [
      at("http/attacks/admin", "beyond what an account may ever hold is refused"),
      at("http/operator-grants", "refuses what would make the account's grants exceed 10^15, exactly there"),
    ],
  },
  {
    id: "limits-2",
    attack: "10,000 bad tokens a second.",
    expected: "Refused 401 without waking an account's object, at a stated cost.",
    tests: [
      at("http/401-traces", "wakes no account's object, however many come and whomever they name"),
      at(
        "http/hot-account",
        "is refused at the edge: 5,000 of them, of twelve kinds, make no call to an account and none to the origin",
      ),
      at("http/429", "bad tokens are told 401, then 429, and none reaches the origin"),
    ],
  },
  {
    id: "limits-3",
    attack: "A token with deep JSON, many members, or packed claims.",
    expected: "Refused 401 `invalid_token`; nothing is unpacked.",
    tests: [
      at("http/attacks/token", "(%s) is refused, and nothing is asked, written or forwarded for it"),
      at("http/401-grammar", "refuses a token with %s", "10,000 levels of JSON beside its claims"),
      at("gate/strict-json", "reads a large document in no more than linear time"),
    ],
  },
  {
    id: "limits-4",
    attack: "10,000 tokens that name 10,000 keys.",
    expected: "Refused 401 with one fetch a cool-down; nothing is kept of them.",
    tests: [
      at("attacks/limits", "are refused with one fetch a cool-down, and leave one entry in KV, which does not grow"),
      at("http/issuers-jwks", "is fetched once a cool-down for keys nobody has, however many are named"),
    ],
  },
  {
    id: "limits-5",
    attack: "One account makes 2,000 calls a second.",
    expected: "Others notice nothing; it gets 429 or 503, never something for nothing.",
    tests: [
      at("http/hot-account", "leaves %s served at every call, charged right and told its exact balance"),
      at("http/hot-account", "serves and charges what its account can pay for, and refuses the rest: nothing is free"),
    ],
  },
  {
    id: "limits-6",
    attack: "A stolen token spends all there is.",
    expected: "It stops at the token's own cap.",
    tests: [
      at("http/spend-limit", "on a stolen token with a cap of 5 are served exactly 5 times"),
      at("http/spend-limit", "spends to its last credit, and is then refused while the account has plenty"),
    ],
  },
  {
    id: "limits-7",
    attack: "A storm of calls that end in 402.",
    expected: "Refused, and nothing is written for them.",
    tests: [
      at("http/402", "refuses a call of 100 on a balance of %d, and leaves the balance alone"),
      at("http/hot-account", "writes nothing to any ledger, and never reaches the origin"),
      at("http/429", "an empty account is told 402, then 429; and is served at once after a top-up"),
    ],
  },
  {
    id: "limits-8",
    attack: "A million Idempotency-Keys.",
    expected: "The table is bounded by its retention, and calls stay as fast.",
    tests: [
      at("ledger/growth.worker", "are the same with few and with many %s", "idempotency keys and spend limits"),
      at("ledger/idempotency", "for 24 hours to the millisecond, whether or not the alarm rings (%s)"),
    ],
  },
  {
    id: "limits-9",
    attack: "A caller sends its body one byte a minute.",
    expected: "504 at the route's time-out; the hold is voided.",
    tests: [
      at("http/504", "holds credits no longer than the time-out for a caller that never ends its body"),
      at("http/upload", "costs nothing when the caller breaks it off"),
    ],
  },
];
