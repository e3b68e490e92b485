/** Checks `tokens`: the outside issuers, and where their keys come from. */
import { OUTSIDE_LIFE_SECONDS_MAX, type Config, type Issuer } from "../config.ts";
import { isInternalHost } from "./check-origin.ts";
import { checkKeys, checkSeconds, isRecord, isSecretName, show, type Say } from "./say.ts";

// oxfmt-ignore
const ALGORITHMS = ["EdDSA", "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "HS256", "HS384", "HS512"];
const KEYS = ["issuer", "audience", "algorithms", "jwks", "keys", "secret", "accountPrefix", "maxLifeSeconds"];

export function checkIssuers(say: Say, { tokens, publicUrl }: Config): void {
  if (tokens === undefined) return;
  if (!Array.isArray(tokens)) {
    say("tokens", `is ${show(tokens)}`, "write a list of issuers");
    return;
  }
  const seen = new Set<string>();
  for (const [index, issuer] of (tokens as readonly Issuer[]).entries()) {
    const key = `tokens[${index}]`;
    if (!isRecord(issuer)) {
      say(key, `is ${show(issuer)}`, "write { issuer, audience, algorithms, and one of jwks, keys, secret }");
      continue;
    }
    checkIssuer(say, key, issuer);
    if (seen.has(issuer.issuer))
      say(`${key}.issuer`, `is ${show(issuer.issuer)}, listed before`, "list every issuer once");
    seen.add(issuer.issuer);
    const meets = tokens.slice(0, index).find((other: unknown) => isRecord(other) && prefixesMeet(issuer, other));
    if (meets) {
      const problem = `is ${show(issuer.accountPrefix)}, and that of ${show(meets.issuer)} is ${show(meets.accountPrefix)}`;
      say(`${key}.accountPrefix`, problem, "let no issuer's prefix begin with another's: their accounts could be one");
    }
    if (issuer.issuer === publicUrl) {
      say(
        `${key}.issuer`,
        `is ${show(issuer.issuer)}, the gate itself (publicUrl)`,
        "leave it out: the gate trusts its own tokens anyway",
      );
    }
  }
}

/** Whether two issuers with prefixes could name one account. */
function prefixesMeet({ accountPrefix: a }: Issuer, { accountPrefix: b }: Readonly<Record<string, unknown>>): boolean {
  if (typeof a !== "string" || typeof b !== "string" || a === "" || b === "") return false;
  return a.startsWith(b) || b.startsWith(a);
}

function checkIssuer(say: Say, key: string, issuer: Issuer): void {
  checkKeys(say, `${key}.`, issuer, KEYS);
  for (const name of ["issuer", "audience"] as const) {
    if (typeof issuer[name] !== "string" || issuer[name] === "")
      say(`${key}.${name}`, `is ${show(issuer[name])}`, `write the ${name} exactly as its tokens carry it`);
  }
  const { algorithms } = issuer;
  if (!Array.isArray(algorithms) || algorithms.length === 0 || algorithms.some((name) => !ALGORITHMS.includes(name))) {
    say(
      `${key}.algorithms`,
      `is ${show(algorithms)}`,
      `list what its tokens are signed with, out of ${ALGORITHMS.join(", ")}`,
    );
    return;
  }
  const sources = (["jwks", "keys", "secret"] as const).filter((name) => issuer[name] !== undefined);
  if (sources.length !== 1)
    say(
      key,
      `has ${sources.length === 0 ? "no key" : sources.join(" and ")}`,
      "give exactly one of jwks (a URL), keys (a list) and secret (a name)",
    );
  const symmetric = algorithms.filter((name) => name.startsWith("HS"));
  if (issuer.secret === undefined ? symmetric.length > 0 : symmetric.length !== 1 || algorithms.length !== 1) {
    say(
      `${key}.algorithms`,
      `is ${show(algorithms)}`,
      "an HMAC secret goes with exactly one of HS256, HS384, HS512; public keys go with the others",
    );
  }
  if (issuer.secret !== undefined && !isSecretName(issuer.secret))
    say(
      `${key}.secret`,
      "is not the name of a secret",
      'write the name, as in secret: "AUTH_HMAC_KEY", and set its value with wrangler secret put',
    );
  if (issuer.jwks !== undefined) {
    const url = typeof issuer.jwks === "string" ? URL.parse(issuer.jwks) : null;
    if (!url || (url.protocol !== "https:" && !(url.protocol === "http:" && isInternalHost(url.hostname))))
      say(
        `${key}.jwks`,
        `is ${show(issuer.jwks)}`,
        "write an https URL (http only for an IP address or localhost, for local work)",
      );
  }
  if (
    issuer.keys !== undefined &&
    (!Array.isArray(issuer.keys) || issuer.keys.length === 0 || !issuer.keys.every(isRecord))
  )
    say(`${key}.keys`, `is ${show(issuer.keys)}`, "list the issuer's public JWKs");
  const prefix: unknown = issuer.accountPrefix;
  if (prefix !== undefined && (typeof prefix !== "string" || !/^[\x21-\x7e]{1,64}$/.test(prefix)))
    say(
      `${key}.accountPrefix`,
      `is ${show(issuer.accountPrefix)}`,
      "write 1 to 64 printable ASCII characters without blanks",
    );
  checkSeconds(say, `${key}.maxLifeSeconds`, issuer.maxLifeSeconds, 60, OUTSIDE_LIFE_SECONDS_MAX);
}
