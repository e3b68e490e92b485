/** Every attack Farebox was built against, by what it attacks: the source of docs/security.md. */
import type { Case } from "./case.ts";
import { ADMIN } from "./cases/admin.ts";
import { CACHE } from "./cases/cache.ts";
import { CHALLENGE } from "./cases/challenge.ts";
import { DEPLOY } from "./cases/deploy.ts";
import { KEYS } from "./cases/keys.ts";
import { LEASE } from "./cases/lease.ts";
import { LIMITS } from "./cases/limits.ts";
import { ORIGIN } from "./cases/origin.ts";
import { PRICE } from "./cases/price.ts";
import { SPEND } from "./cases/spend.ts";
import { STREAM } from "./cases/stream.ts";
import { TOKEN } from "./cases/token.ts";
import { WEBHOOK } from "./cases/webhook.ts";

export type Group = { readonly name: string; readonly title: string; readonly cases: readonly Case[] };

export const GROUPS: readonly Group[] = [
  { name: "token", title: "Tokens", cases: TOKEN },
  { name: "price", title: "The price, by path and method", cases: PRICE },
  { name: "spend", title: "Spending twice, and refunds", cases: SPEND },
  { name: "keys", title: "Idempotency-Keys", cases: KEYS },
  { name: "lease", title: "Time, restarts and KV", cases: LEASE },
  { name: "origin", title: "The origin", cases: ORIGIN },
  { name: "cache", title: "Caches", cases: CACHE },
  { name: "stream", title: "Ranges, upgrades and streams", cases: STREAM },
  { name: "webhook", title: "Payment notices", cases: WEBHOOK },
  { name: "admin", title: "The operator's door, and what others may learn", cases: ADMIN },
  { name: "challenge", title: "The 402 itself", cases: CHALLENGE },
  { name: "limits", title: "Limits", cases: LIMITS },
  { name: "deploy", title: "Configuration and deploys", cases: DEPLOY },
];
