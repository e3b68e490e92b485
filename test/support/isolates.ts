/** The built Worker several times over one namespace of account objects and one of KV, as isolates of one Worker are. */
import { readFileSync } from "node:fs";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { makeAdminToken, makeSigningKey } from "../../scripts/secrets.ts";
import { makeGate, PRICES, type TestGate } from "./gate.ts";
import { startOrigin } from "./origin.ts";

/** As gates of their own in front of one origin; the first holds the accounts, and closing it closes all. */
export async function startIsolates(
  count: number,
  script: string,
  extra: Readonly<Record<string, string>> = {},
): Promise<readonly [TestGate, ...TestGate[]]> {
  const origin = await startOrigin();
  const adminToken = makeAdminToken();
  const signingKey = makeSigningKey();
  const config = {
    name: "Test API",
    publicUrl: "https://api.example.com",
    prices: PRICES,
    origin: { url: origin.url, insecure: true },
  };
  const workers = Array.from({ length: count }, (_, n) => ({
    name: `isolate-${n}`,
    modules: true as const,
    script: readFileSync(script, "utf8"),
    compatibilityDate: "2026-10-20",
    bindings: {
      FAREBOX_ADMIN_TOKEN: adminToken,
      FAREBOX_SIGNING_KEY: signingKey,
      TEST_CONFIG: JSON.stringify(config),
      ...extra,
    },
    kvNamespaces: { KV: "shared" },
    durableObjects: {
      ACCOUNTS: n === 0 ? { className: "Account", useSQLite: true } : { className: "Account", scriptName: "isolate-0" },
    },
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  }));
  const miniflare = new Miniflare(convertV4MiniflareOptions({ workers, handleStructuredLogs: () => undefined }));
  const gateOf = async (n: number): Promise<TestGate> => {
    const url = (await miniflare.unsafeGetDirectURL(`isolate-${n}`)).origin;
    return makeGate({ url, origin, adminToken, signingKey, miniflare, ownsOrigin: true });
  };
  return [await gateOf(0), ...(await Promise.all(workers.slice(1).map(async (_, n) => gateOf(n + 1))))];
}
