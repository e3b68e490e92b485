/**
 * The rate limit in front of refused calls: whoever goes on calling in vain is told to stop, at the edge.
 *
 * Only calls that are refused anyway are counted and turned away, so a limit that counts too much (it counts by
 * location, and roughly) can never cost anybody a call that is paid for. Calls without any token are not counted: a
 * first 402 is how programs learn the price.
 */
import type { Denial } from "./denial.ts";

/** Cloudflare's Rate Limiting binding. */
export type RateLimiter = { limit(options: { readonly key: string }): Promise<{ readonly success: boolean }> };

/** What the binding in wrangler.toml counts over, in seconds. */
const PERIOD_SECONDS = 10;

/** `denial`, or 429 if `who` was refused too often of late. Without the binding, or if it fails, `denial`. */
export async function limitRefusals(
  limiter: RateLimiter | undefined,
  who: string,
  denial: Denial,
  why: string,
): Promise<Denial> {
  try {
    const { success } = (await limiter?.limit({ key: who })) ?? { success: true };
    return success ? denial : { code: "rate_limited", why, retryAfterSeconds: PERIOD_SECONDS, cause: denial };
  } catch {
    return denial;
  }
}
