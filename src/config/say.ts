/** What the checks of a config share: how a mistake is said, and the smallest checks. */

export type Mistake = { readonly key: string; readonly problem: string; readonly mend: string };

/** Reports one mistake: the key, what is wrong with its value, what to write instead. */
export type Say = (key: string, problem: string, mend: string) => void;

export function checkCharging(
  say: Say,
  prefix: string,
  options: { readonly chargeOn?: unknown; readonly passOriginStatus?: unknown },
): void {
  const { chargeOn, passOriginStatus } = options;
  if (chargeOn !== undefined && chargeOn !== "2xx-3xx" && chargeOn !== "2xx-4xx")
    say(`${prefix}chargeOn`, `is ${show(chargeOn)}`, 'write "2xx-3xx" or "2xx-4xx"');
  if (
    passOriginStatus !== undefined &&
    (!Array.isArray(passOriginStatus) || passOriginStatus.some((status) => status !== 401 && status !== 402))
  ) {
    say(
      `${prefix}passOriginStatus`,
      `is ${show(passOriginStatus)}`,
      "list 401, 402 or both; every other status is passed anyway",
    );
  }
}

export function checkSeconds(say: Say, key: string, value: unknown, min: number, max: number): void {
  if (value === undefined || (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max))
    return;
  say(key, `is ${show(value)}`, `write a whole number of seconds, ${min} to ${max}`);
}

export function checkKeys(say: Say, prefix: string, value: object, known: readonly string[]): void {
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) say(prefix + key, "is not a known key", `known here: ${known.join(", ")}`);
  }
}

export function isSecretName(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(value);
}

export function isLink(value: unknown, protocols: readonly string[]): boolean {
  if (typeof value !== "string" || !/^[\x21-\x7e]+$/.test(value) || /[<>"\\^`|]/.test(value)) return false;
  return protocols.includes(URL.parse(value.replaceAll("{account}", "account"))?.protocol ?? "");
}

/** Scheme and host of an http or https URL; undefined for anything else. */
export function originOf(url: unknown): string | undefined {
  const parsed = typeof url === "string" ? URL.parse(url) : null;
  return parsed && /^https?:$/.test(parsed.protocol) ? parsed.origin : undefined;
}

export function isRecord<T>(value: T): value is T & Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as it would be written, cut short. */
export function show(value: unknown): string {
  if (value === undefined) return "missing";
  if (Number.isNaN(value)) return "NaN";
  const text = formatJson(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

/** undefined for what JSON cannot say: a symbol, a function, a bigint, a circle. */
function formatJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return typeof value === "bigint" ? `${value}n` : undefined;
  }
}
