/** The two secrets a gate needs, fresh. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";

/** An Ed25519 private key as a JWK, the form FAREBOX_SIGNING_KEY takes. */
export function makeSigningKey(): string {
  const { kty, crv, x, d } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  return JSON.stringify({ kty, crv, x, d });
}

export function makeAdminToken(): string {
  return randomBytes(33).toString("base64url");
}

/** Writes .dev.vars if there is none. Returns whether it did. */
export function ensureDevVars(path: string): boolean {
  if (existsSync(path)) return false;
  const text = `# Secrets for local work, made by npm start. Never commit this file.\nFAREBOX_ADMIN_TOKEN=${makeAdminToken()}\nFAREBOX_SIGNING_KEY='${makeSigningKey()}'\n`;
  writeFileSync(path, text, { mode: 0o600, flag: "wx" });
  return true;
}
