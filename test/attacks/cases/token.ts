/** Attacks with tokens: none, another's, altered, weak, too large. */
import { at, type Case, type Proof } from "../case.ts";

const grammar = (row: string): Proof => at("http/401-grammar", "refuses a token with %s", row);
const header = (row: string): Proof =>
  at("http/401-grammar", "refuses a rightly signed token with %s in its header", row);
const claims = (row: string): Proof => at("http/401-claims", "refuses a genuine token with %s", row);

export const TOKEN: readonly Case[] = [
  {
    id: "token-1",
    attack: "A caller asks for a priced route and brings no token.",
    expected: "Refused 402 `payment_required`, with a challenge and the price.",
    tests: [at("http/402", "tells a %s without a token the price and where a token is had")],
  },
  {
    id: "token-2",
    attack: "A caller sends the word Bearer and nothing after it.",
    expected: "Refused 401 `invalid_token`; an empty header counts as none, 402.",
    tests: [
      at("http/401", "is refused with %s", "Bearer and no token"),
      at("http/402", "is the answer to an empty Authorization header"),
    ],
  },
  {
    id: "token-3",
    attack: "A caller sends a good token under another scheme, or under none.",
    expected: "Refused 401 `invalid_token`: Bearer is the only scheme, in any case.",
    tests: [at("http/401", "is refused with %s", "Token and a valid token"), at("http/401", "is taken with %s")],
  },
  {
    id: "token-4",
    attack: "A forger says alg none, in every case of letters, with and without a signature.",
    expected: "Refused 401 `invalid_token`.",
    tests: [grammar("alg ${alg} and no signature"), grammar("alg ${alg} and a signature")],
  },
  {
    id: "token-5",
    attack: "A forger cuts the signature off, with its dot or without.",
    expected: "Refused 401 `invalid_token`.",
    tests: [grammar("its signature removed with the dot"), grammar("its signature removed but the dot")],
  },
  {
    id: "token-6",
    attack: "A forger puts a key of their own into the header and signs with it.",
    expected: "Refused 401 `invalid_token`: a token brings no key.",
    tests: [header("jwk, a key of its own"), at("gate/token", "is not the token's to bring")],
  },
  {
    id: "token-7",
    attack: "A forger asks for extensions the gate does not know (crit), or for an unencoded payload (b64).",
    expected: "Refused 401 `invalid_token`: only alg, kid and typ may be in a header.",
    tests: [header("crit with an unknown member"), header("crit with nothing"), header("b64 false and crit")],
  },
  {
    id: "token-8",
    attack: "A forger names a key that exists, with an algorithm that is not the key's.",
    expected: "Refused 401 `invalid_token`: the key decides the algorithm.",
    tests: [
      grammar("a right signature of a wrong algorithm"),
      at("http/issuers", "that is signed by %s", "PS256 with the key for RS256"),
      at("gate/token", "is never one for another algorithm"),
    ],
  },
  {
    id: "token-9",
    attack: "A buyer gets a token signed that never ends, or whose end is no sensible number.",
    expected: "Refused 401 `invalid_token`.",
    tests: [
      claims("no exp"),
      claims("exp of 2^60"),
      at("http/401-claims", "refuses a genuine token whose %s is the number %s"),
    ],
  },
  {
    id: "token-10",
    attack: "A buyer uses a token around the very second of its end.",
    expected: "Paid until 60 s of skew have passed, then refused 401 `token_expired`.",
    tests: [
      at("http/401-claims", "pays one %s", "that expired 55 s ago, within the skew"),
      at("http/401-claims", "refuses a token that expired %d s ago, and says when"),
      at("gate/token", "is up one minute after exp, exactly"),
    ],
  },
  {
    id: "token-11",
    attack: "An issuer signs a token that lives longer than the gate allows.",
    expected: "Refused 401 `invalid_token`: a year for our own, a day or less for others.",
    tests: [
      claims("a life of a year and a second"),
      at("http/issuers", "that lives %s"),
      at("gate/token", "may last as long as its issuer's tokens may"),
    ],
  },
  {
    id: "token-12",
    attack: "A token begins, or was issued, further in the future than clocks differ.",
    expected: "Refused 401 `invalid_token`.",
    tests: [
      claims("iat beyond the skew"),
      claims("nbf beyond the skew"),
      at("gate/token", "has come one minute before %s, exactly"),
    ],
  },
  {
    id: "token-13",
    attack: "A token is for nobody, for somebody else, or hides our name in a list, a list in a list or an object.",
    expected: "Paid for a list of names with ours in it, else refused 401 `invalid_token`.",
    tests: [
      claims("another aud in a list"),
      claims("a nested list as aud"),
      claims("an object as aud"),
      at("http/401-claims", "pays one %s", "for this audience among others"),
      at("http/issuers", "that is of %s for another audience"),
      at("http/attacks/token", "pays at its own gate and at no other"),
    ],
  },
  {
    id: "token-14",
    attack: "A token's issuer is nearly a trusted one: in a list, with a slash, in other letters.",
    expected: "Refused 401 `invalid_token`.",
    tests: [claims("iss in a list"), claims("iss with a slash at its end"), claims("iss in other case")],
  },
  {
    id: "token-15",
    attack: "A caller sends a good token in the query, a cookie, a WebSocket protocol, another header or the body.",
    expected: "Refused 402 `payment_required`: it is no token there, so nothing can be had unmetered with it.",
    tests: [
      at("http/401", "is no token: %s", "Sec-WebSocket-Protocol"),
      at("http/upgrade", "is refused, with %s, before the origin hears of it"),
    ],
  },
  {
    id: "token-16",
    attack: "A caller sends an encrypted token, a token in a token, or a token in JSON.",
    expected: "Refused 401 `invalid_token`.",
    tests: [
      grammar("five parts (JWE)"),
      grammar("a token as its payload"),
      grammar("JSON serialisation"),
      at("vectors/wycheproof.worker", "refuses every JWE"),
    ],
  },
  {
    id: "token-17",
    attack: "A caller sends tokens of 8 kB, of 60 kB, or of nothing but dots, to make the gate work.",
    expected: "Refused 401 `invalid_token`, in less than 5 ms of work.",
    tests: [
      grammar("8 KiB and 1"),
      grammar("60 kB"),
      grammar("10,000 dots"),
      at("gate/jws", "costs next to nothing to refuse: %s"),
      at("http/attacks/token", "(%s) is refused, and nothing is asked, written or forwarded for it"),
    ],
  },
  {
    id: "token-18",
    attack: "An issuer publishes keys that are weak, ambiguous, meant for something else, or secret.",
    expected: "Refused 401 `invalid_token` with those; the sound keys of the set still count, unless one was secret.",
    tests: [
      at("http/issuers-jwks", "that is weak, meant for something else or ambiguous is left out"),
      at("http/issuers-jwks", "that shares its kid with another counts as little as the other"),
      at("http/issuers-jwks", "that is secret spoils the set"),
      at("gate/keys", "is refused: %s", "RSA with exponent 1"),
    ],
  },
  {
    id: "token-19",
    attack: "Wycheproof's hostile signatures, keys and tokens.",
    expected: "Exactly the listed verdicts: 393 of 401, 25 of 26, 48 of 49 as labelled, no false yes.",
    tests: [at("vectors/wycheproof.worker", "%s: of %i JWS exactly %i verdicts agree")],
    note: "Needs the vectors on disk; says so where it skips.",
  },
  {
    id: "token-20",
    attack: "A buyer names another's account in path, query, body, headers or extra claims.",
    expected: "Paid by the token's own account; the other's is untouched.",
    tests: [
      at("http/401", "charges its own account whatever account the path, the query, the body or a header names"),
      at("http/attacks/token", "names nobody outside its prefix"),
      at("gate/token", "opens the account of its sub and no other"),
    ],
  },
  {
    id: "token-21",
    attack: "Genuine tokens of accounts that do not exist are sent to fill the storage.",
    expected: "Refused 402 `insufficient_credits`; nothing is written, on disk or in KV.",
    tests: [
      at("http/402", "refuses a call of 100 on a balance of %d, and leaves the balance alone"),
      at(
        "http/401-traces",
        "of an account never granted anything is refused by the ledger, which writes nothing for it",
      ),
    ],
  },
];
