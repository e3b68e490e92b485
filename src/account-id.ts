/** Account ids, plan names, grant ids: what may name things in the ledger, in KV keys and in paths. */

/** Keeps `standing:` and the id within the 512 bytes of a KV key. */
const ACCOUNT_BYTES_MAX = 480;

/** 1 to 256 printable characters; "." and ".." cannot be written in a path. */
export function isAccountId(value: unknown): value is string {
  if (typeof value !== "string" || value === "." || value === "..") return false;
  if (!value.isWellFormed() || !/^[^\p{C}\p{Zl}\p{Zp}]{1,256}$/u.test(value)) return false;
  return new TextEncoder().encode(value).length <= ACCOUNT_BYTES_MAX;
}

/** The ids operators give to grants and refunds. */
export function isOperatorId(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z0-9._:~-]{1,128}$/.test(value);
}
