/** `npm run reset`: empties the local state, all accounts and balances of it. */
import { rmSync } from "node:fs";
import { join } from "node:path";

rmSync(join(import.meta.dirname, "../.wrangler/state"), { recursive: true, force: true });
console.log("Local accounts, balances and revocations are gone. .dev.vars stays as it is.");
