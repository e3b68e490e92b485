/**
 * What must be the same in the real object and in the rehearsal: every row of every table, and every answer.
 *
 * Left out: when the copy in KV is due, which only the real object makes. The version may run ahead, by one for each
 * setting that was said again; everything else is the same to the byte.
 */
import type { Row, Store } from "../../../src/ledger/store.ts";

export type Tables = { readonly version: number; readonly rows: Readonly<Record<string, string>> };

/** What of the account's row is not compared, or not with the rest. */
const CHORES = { version: null, publish_at: null, published_at: null };

/** The same text for the same value, whatever the order of its names and the kind of its bytes. */
export function textOf(value: unknown): string {
  return JSON.stringify(value ?? null, (_, part: unknown) => {
    if (part instanceof ArrayBuffer) return [...new Uint8Array(part)];
    if (part instanceof Uint8Array) return [...part];
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** Everything the account has on disk. A stranger has no tables at all. */
export function readTables(store: Store): Tables {
  const names = store.exec<{ name: string }>(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`);
  let version = 0;
  const rows: Record<string, string> = {};
  for (const { name } of names) {
    if (name.startsWith("_cf")) continue;
    const found = store.exec<Row>(`SELECT * FROM ${name}`);
    if (name === "account") version = Number(found[0]?.["version"]);
    rows[name] = textOf(name === "account" ? found.map((row) => ({ ...row, ...CHORES })) : found);
  }
  return { version, rows };
}

/** How the tables differ; null if they do not. `ahead`: how far the version may be. */
export function difference(found: Tables, wanted: Tables, ahead: number): string | null {
  for (const name of new Set([...Object.keys(found.rows), ...Object.keys(wanted.rows)])) {
    const [is, shouldBe] = [found.rows[name], wanted.rows[name]];
    if (is !== shouldBe) return `table ${name} is ${is ?? "there not"}\n  and should be ${shouldBe ?? "there not"}`;
  }
  const isVersion = found.version >= wanted.version && found.version <= wanted.version + ahead;
  return isVersion ? null : `the version is ${found.version}, should be ${wanted.version} and up to ${ahead} more`;
}

/** An answer's text without what a second saying may change, and apart from it that. */
export function split(answer: unknown): { text: string; replayed: unknown; version: number } {
  if (typeof answer !== "object" || answer === null) return { text: textOf(answer), replayed: undefined, version: 0 };
  const { replayed, version, ...rest } = answer as { readonly replayed?: unknown; readonly version?: number };
  return { text: textOf(rest), replayed, version: version ?? 0 };
}
