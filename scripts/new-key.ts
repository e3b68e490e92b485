/** `npm run new-key`: prints a fresh signing key, for `npx wrangler secret put FAREBOX_SIGNING_KEY`. */
import { makeSigningKey } from "./secrets.ts";

console.log(makeSigningKey());
