/** The house rules that no type checks: which room may know which, what rules may touch, how files look, what deploys. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { experimental_readRawConfig as readRawConfig } from "wrangler";

const root = join(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

const SOURCES = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => `src/${name}`)
  .toSorted();

/** Source text without comments. */
function codeOf(path: string): string {
  return read(path)
    .replaceAll(/\/\*[^]*?\*\//g, "")
    .replaceAll(/(?<=^|\s)\/\/.*$/gm, "");
}

/** What a file imports or re-exports, as written. */
function importsOf(path: string): string[] {
  const statement =
    /(?:^|[\n;])\s*(?:import|export)\s(?:[^'";]*?\sfrom\s)?\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/g;
  return [...codeOf(path).matchAll(statement)].map(([, named, dynamic]) => named ?? dynamic ?? "");
}

/** The files of ours a file imports, as paths in the repository. */
function ownImportsOf(path: string): string[] {
  return importsOf(path)
    .filter((name) => name.startsWith("."))
    .map((name) => relative(root, resolve(root, dirname(path), name)));
}

/** "src/gate/path.ts" is in the room "gate", "src/credits.ts" in "". */
function roomOf(path: string): string {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? "";
}

/** Which rooms, and which files outside them, the files of a room may know. */
const MAY_KNOW: Readonly<Record<string, readonly string[]>> = {
  ledger: ["ledger", "src/digest.ts", "src/credits.ts", "src/account-id.ts", "src/result.ts", "src/log.ts"],
  gate: [
    "gate",
    "ledger",
    "src/digest.ts",
    "src/credits.ts",
    "src/account-id.ts",
    "src/result.ts",
    "src/log.ts",
    "src/config.ts",
  ],
  config: ["config", "gate", "src/credits.ts", "src/config.ts"],
  // oxfmt-ignore
  buyer: ["buyer", "gate", "ledger", "src/credits.ts", "src/account-id.ts", "src/result.ts", "src/log.ts", "src/config.ts", "src/resource.ts", "src/wire.ts"],
  // oxfmt-ignore
  operator: ["operator", "gate", "ledger", "src/credits.ts", "src/account-id.ts", "src/result.ts", "src/log.ts", "src/config.ts", "src/resource.ts", "src/wire.ts"],
  // oxfmt-ignore
  payments: ["payments", "ledger", "src/credits.ts", "src/account-id.ts", "src/result.ts", "src/log.ts", "src/config.ts", "src/resource.ts", "src/wire.ts"],
  meters: ["meters", "src/credits.ts", "src/result.ts", "src/config.ts"],
};

/** Files of rules: everything they know is handed to them. */
// oxfmt-ignore
const RULES = ["src/credits.ts", "src/account-id.ts", "src/result.ts", "src/config.ts", "src/wire.ts",
  ...["command", "grants", "holds", "journal", "ledger", "read", "schema", "store", "tokens"].map((name) => `src/ledger/${name}.ts`),
  ...["base64url", "denial", "detail", "headers", "meaning", "path", "pattern", "price", "receipt", "strict-json", "token"].map((name) => `src/gate/${name}.ts`),
  ...["check", "check-origin", "check-prices", "check-tokens", "say"].map((name) => `src/config/${name}.ts`)];
const IMPURE =
  /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bperformance\b|\bfetch\(|\bconsole\b|\bcrypto\b|\bcaches\b|\bset(?:Timeout|Interval)\b|\bprocess\b/;

/** Without those that only bring types, which are gone when the code runs. */
function runtimeImportsOf(path: string): string[] {
  const types = new Set(
    [...codeOf(path).matchAll(/import type [^'";]*from\s*["']([^"']+)["']/g)].map(([, name]) => name),
  );
  const kept = importsOf(path).filter((name) => name.startsWith(".") && !types.has(name));
  return kept
    .map((name) => relative(root, resolve(root, dirname(path), name)))
    .filter((name) => name.startsWith("src/"));
}

describe("the rooms", () => {
  it("are all known here", () => {
    const rooms = new Set(SOURCES.map(roomOf).filter((room) => room !== ""));
    expect([...rooms].filter((room) => !(room in MAY_KNOW))).toEqual([]);
    expect(SOURCES.length).toBeGreaterThan(30);
  });

  it.each(SOURCES.filter((path) => roomOf(path) !== ""))("%s knows only what its room may", (path) => {
    const allowed = MAY_KNOW[roomOf(path)] ?? [];
    const known = ownImportsOf(path).filter((name) => !allowed.includes(roomOf(name) || name));
    expect(known).toEqual([]);
  });

  it.each(SOURCES.filter((path) => roomOf(path) === "ledger"))("%s knows no HTTP", (path) => {
    expect(importsOf(path).filter((name) => /^hono\b|^jose\b/.test(name))).toEqual([]);
    expect(codeOf(path)).not.toMatch(/\b(?:Request|Response|Headers|URL)\b/);
  });

  it("know each other in one direction: no file imports itself, however far around", () => {
    const seen = new Map<string, "open" | "done">();
    const circles: string[] = [];
    const visit = (path: string, way: readonly string[]): void => {
      if (seen.get(path) === "open") circles.push([...way, path].join(" → "));
      if (seen.has(path)) return;
      seen.set(path, "open");
      for (const next of runtimeImportsOf(path)) visit(next, [...way, path]);
      seen.set(path, "done");
    };
    for (const path of SOURCES) visit(path, []);
    expect(circles).toEqual([]);
  });
});

describe("a file of rules", () => {
  it.each(RULES)("%s has no clock, no chance, no network, no log", (path) => {
    expect(codeOf(path).match(IMPURE)?.[0]).toBeUndefined();
    const outside = importsOf(path).filter((name) => !name.startsWith("."));
    expect(outside.filter((name) => /^(?:hono|jose|cloudflare:|node:)/.test(name))).toEqual([]);
  });
});

describe("a source file", () => {
  it.each(SOURCES)("%s is at most 300 lines, says first what it is, and is no barrel", (path) => {
    const text = read(path);
    expect(text.split("\n").length - 1).toBeLessThanOrEqual(300);
    expect(text).toMatch(/^\/\*\*/);
    expect(codeOf(path)).not.toMatch(/export\s*\*/);
    const statements = codeOf(path)
      .split(/;\s*\n/)
      .filter((statement) => statement.trim() !== "");
    expect(statements.every((statement) => /^\s*export\s[^=]*\sfrom\s/.test(statement))).toBe(false);
  });

  it.each(SOURCES)("%s imports files by their names, and they are there", (path) => {
    for (const name of importsOf(path).filter((each) => each.startsWith("."))) {
      expect(name).toMatch(/\.ts$/);
      expect(existsSync(resolve(root, dirname(path), name))).toBe(true);
    }
  });
});

type Wrangler = Readonly<Record<string, unknown>> & { readonly env?: Readonly<Record<string, Wrangler>> };
function configOf(path: string): Wrangler {
  return readRawConfig({ config: join(root, path) }).rawConfig;
}

describe("what deploys", () => {
  const wrangler = configOf("wrangler.toml");
  const environments = [wrangler, ...Object.values(wrangler.env ?? {})];

  it("has no cache in front of it that would give a paid answer to anybody", () => {
    for (const environment of environments) {
      const cache: unknown = environment["cache"];
      expect([undefined, false]).toContain(cache === undefined ? undefined : Object(cache)["enabled"]);
    }
    for (const path of SOURCES) expect(codeOf(path)).not.toMatch(/cacheEverything/);
  });

  it("has no second door: neither workers.dev nor preview addresses", () => {
    expect([wrangler["workers_dev"], wrangler["preview_urls"]]).toEqual([false, false]);
    for (const environment of environments) {
      expect(environment["workers_dev"]).not.toBe(true);
      expect(environment["preview_urls"]).not.toBe(true);
    }
  });

  it("carries no secret, and requires the two it needs", () => {
    expect(wrangler["vars"]).toBeUndefined();
    expect(wrangler["secrets"]).toEqual({ required: ["FAREBOX_ADMIN_TOKEN", "FAREBOX_SIGNING_KEY"] });
  });

  it("is of the compatibility date that is tested", () => {
    const date = wrangler["compatibility_date"];
    expect(date).toBe("2026-10-20");
    expect(configOf("test/support/wrangler.toml")["compatibility_date"]).toBe(date);
    expect(/compatibilityDate: "([^"]+)"/.exec(read("test/support/gate.ts"))?.[1]).toBe(date);
    expect(wrangler["compatibility_flags"]).toBeUndefined();
  });
});

/** A file that calls an account's object. */
function fixture(call: string): string {
  return `import type { Account } from "../../src/ledger/account.ts";

export async function take(accounts: DurableObjectNamespace<Account>, id: string): Promise<void> {
  ${call}accounts.getByName("alice").apply(1, { op: "void", id });
}
`;
}

describe("the linter", () => {
  it.each([
    ["refuses a call to an account's object that nobody awaits", "", ["typescript(no-floating-promises)"]],
    ["refuses one that void hides", "void ", ["typescript(no-floating-promises)"]],
    ["takes one that is awaited", "await ", []],
  ])("%s", async (_name, call, codes) => {
    mkdirSync(join(root, "dist"), { recursive: true });
    const folder = mkdtempSync(join(root, "dist", "lint-"));
    try {
      writeFileSync(join(folder, "fixture.ts"), fixture(call));
      writeFileSync(join(folder, "tsconfig.json"), '{ "extends": "../../tsconfig.json", "include": ["*.ts"] }');
      const args = ["--type-aware", "--no-ignore", "--format", "json", join(folder, "fixture.ts")];
      const stdout = await new Promise<string>((done) => {
        execFile(join(root, "node_modules/.bin/oxlint"), args, { cwd: root }, (_error, output) => {
          done(output);
        });
      });
      const { diagnostics, number_of_files: files } = JSON.parse(stdout) as {
        diagnostics: { code: string }[];
        number_of_files: number;
      };
      expect(files).toBe(1);
      expect(diagnostics.map(({ code }) => code)).toEqual(codes);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
