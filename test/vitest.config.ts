import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { join } from "node:path";
import { makeAdminToken, makeSigningKey } from "../scripts/secrets.ts";

const { FAREBOX_SEED } = process.env;
/** What histories are made from, for tests inside workerd, which see no other part of the environment. */
const SEED = FAREBOX_SEED === undefined ? {} : { FAREBOX_SEED };

/** The product's own Worker, for the tests that run inside workerd beside it. */
const workers = cloudflareTest({
  wrangler: { configPath: join(import.meta.dirname, "../wrangler.toml") },
  miniflare: {
    bindings: { FAREBOX_ADMIN_TOKEN: makeAdminToken(), FAREBOX_SIGNING_KEY: makeSigningKey() },
  },
});

export default defineConfig({
  test: {
    projects: [
      // The rules, and whatever needs no Worker, in plain Node.
      {
        test: {
          name: "rules",
          root: import.meta.dirname,
          include: ["**/*.test.ts"],
          exclude: ["http/**", "**/*.http.test.ts", "**/*.worker.test.ts"],
        },
      },
      // Adapters, inside workerd.
      {
        plugins: [workers],
        test: { name: "workerd", root: import.meta.dirname, include: ["**/*.worker.test.ts"], env: SEED },
      },
      // The built Worker as a black box; each file is a status a caller may see.
      {
        test: {
          name: "http",
          root: import.meta.dirname,
          include: ["http/**/*.test.ts", "**/*.http.test.ts"],
          globalSetup: ["support/build.ts"],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
