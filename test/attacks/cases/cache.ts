/** Attacks through caches: a paid answer for somebody else, a refusal for somebody who paid. */
import { at, type Case } from "../case.ts";

const KEPT = at("http/attacks/cache", "of %i may be kept by no shared cache, whatever it says about caching");

export const CACHE: readonly Case[] = [
  {
    id: "cache-1",
    attack: "A cache keeps a 402 and gives it to who has paid.",
    expected: "Every refusal is no-store, for CDNs and Cloudflare too.",
    tests: [
      at("http/challenge", "is kept by no cache, and says that trying again does not help"),
      at("http/attacks/cache", "(%s) may be kept by no shared cache"),
      at("gate/denial", "%s is a problem of RFC 9457 that no cache may keep"),
    ],
  },
  {
    id: "cache-2",
    attack: "A deploy switches on a cache in front of the Worker.",
    expected: "The tests fail: neither Workers Cache nor cacheEverything is anywhere.",
    tests: [
      at("tidy", "has no cache in front of it that would give a paid answer to anybody"),
      at("http/cache", "is not switched on in what is deployed"),
      at("http/cache", "is told by every forwarded call to bypass Cloudflare's cache"),
    ],
  },
  {
    id: "cache-3",
    attack: "An origin says nothing about caching, and caches guess.",
    expected: "Paid, with `private, no-store` of ours.",
    tests: [at("http/cache", "may not store a %i of the origin"), KEPT],
  },
  {
    id: "cache-4",
    attack: "The same with 301, 404, 405, 410, 414 and whatever else may be kept unasked.",
    expected: "Charged or free by its status, and no-store.",
    tests: [at("http/cache", "may not store a %i of the origin"), KEPT],
  },
  {
    id: "cache-5",
    attack: "Vary, of the origin or of the caller, splits or joins what a cache keeps.",
    expected: "The origin's is dropped and the caller's not repeated; ours is Origin, where scripts' sites are listed.",
    tests: [
      at("http/from-origin", "does not hand on %s, in any spelling", '"Vary"'),
      at("http/cache", "gains a caller nothing by %o"),
      at("http/from-origin-cors", "lets %s read nothing, and tells caches that it depends on who asks"),
    ],
  },
  {
    id: "cache-6",
    attack: "Shared caches of many makers stand in front, and the origin tells them in every way to keep answers.",
    expected: "None may keep one: 37 statuses with 29 sets of headers, and every answer of the gate's own.",
    tests: [
      KEPT,
      at("http/attacks/cache", "(%s) may be kept by no shared cache"),
      at("http/attacks/cache", "of %i that is charged and passed on may be kept by none either"),
      at("http/attacks/cache", "to a %s may be kept by none"),
      at("http/attacks/cache", "lets the caches it should keep %s"),
    ],
    note: "Judged by RFC 9111 and RFC 9213 as strictly as they allow, not by running nginx or squid.",
  },
  {
    id: "cache-7",
    attack: "A caller validates what it has, again and again, to have it for nothing.",
    expected: "A 304 costs what an answer costs, and never becomes a free 200.",
    tests: [
      at("http/304", "charges a validated answer and keeps its validator"),
      at("http/304", "never turns a validation into a free answer"),
    ],
  },
  {
    id: "cache-8",
    attack: "A caller tells caches what to do: only-if-cached, max-stale, Pragma.",
    expected: "Paid as ever; refused 402 without a token.",
    tests: [
      at("http/cache", "gains a caller nothing by %o"),
      at("http/cache", "keeps no answer for another account, or for the same one again"),
    ],
  },
];
