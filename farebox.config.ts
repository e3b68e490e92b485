import { defineConfig, usd } from "./src/config.ts";

// The gate for the demo that `npm start` runs. Every key is explained in README.md, "Configuration".
export default defineConfig({
  name: "Example API",
  // The server you sell access to. For your own: { url: "https://origin.example.com" }.
  origin: { url: "http://127.0.0.1:8788", insecure: true, timeoutSeconds: 5 },
  prices: {
    "GET /v1/search": usd("0.0005"),
    "POST /v1/echo": usd("0.001"),
    "GET /v1/stream": usd("0.002"),
    "GET /v1/slow": usd("0.0005"),
    "GET /v1/fail": usd("0.0005"),
    "POST /v1/reports": { credits: usd("0.02"), scope: "reports" },
    "GET /v1/status": "free",
  },
  plans: { pro: { includes: ["GET /v1/search"] } },
  support: "mailto:help@example.com",
});
