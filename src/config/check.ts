/**
 * What is wrong with a config: one message a mistake, which names the key, the value and the mend.
 *
 * Values of secrets never appear in a message, only their names.
 */
import { HOLD_GRACE_SECONDS, TIMEOUT_SECONDS_DEFAULT, type Config } from "../config.ts";
import { parseCredits } from "../credits.ts";
import { checkOrigin } from "./check-origin.ts";
import { checkPlans, checkPrices } from "./check-prices.ts";
import { checkIssuers } from "./check-tokens.ts";
import {
  checkCharging,
  checkKeys,
  checkSeconds,
  isLink,
  isRecord,
  originOf,
  show,
  type Mistake,
  type Say,
} from "./say.ts";

// oxfmt-ignore
const KEYS = ["name", "publicUrl", "origin", "tokens", "prices", "plans", "unlisted", "chargeOn", "passOriginStatus", "holdTtlSeconds", "payments", "support", "cors"];

/** Everything wrong with a config, in the order of its keys; [] for nothing. Takes anything: a config may come from JavaScript. */
export function checkConfig(config: Config): Mistake[] {
  const found: Mistake[] = [];
  const say = (key: string, problem: string, mend: string): void => {
    found.push({ key, problem, mend });
  };
  if (!isRecord(config))
    return [
      { key: "farebox.config.ts", problem: "does not export a config", mend: "export default defineConfig({ … })" },
    ];
  checkKeys(say, "", config, KEYS);
  if (typeof config.name !== "string" || !/^[\x20-\x7e]{1,100}$/.test(config.name) || /["\\]/.test(config.name)) {
    say(
      "name",
      `is ${show(config.name)}`,
      "give the API a name of 1 to 100 printable ASCII characters without quotes or backslashes; it is shown to buyers",
    );
  }
  if (config.publicUrl !== undefined && originOf(config.publicUrl) !== config.publicUrl) {
    say("publicUrl", `is ${show(config.publicUrl)}`, 'write scheme and host only, as in "https://api.example.com"');
  }
  checkOrigin(say, config);
  checkIssuers(say, config);
  checkPrices(say, config.prices);
  checkPlans(say, config.plans, config.prices);
  const { unlisted } = config;
  if (unlisted !== undefined && unlisted !== "deny" && unlisted !== "free" && parseCredits(unlisted) === undefined) {
    say("unlisted", `is ${show(unlisted)}`, 'write "deny", "free" or a price of 1 to 10^12 credits');
  }
  checkCharging(say, "", config);
  checkSeconds(say, "holdTtlSeconds", config.holdTtlSeconds, 1, 86_400);
  if (typeof config.holdTtlSeconds === "number") {
    const timeout = longestTimeout(config);
    if (config.holdTtlSeconds < timeout)
      say(
        "holdTtlSeconds",
        `is ${config.holdTtlSeconds}, less than the longest time-out, ${timeout}`,
        `let a hold outlive its call: the longest timeoutSeconds and ${HOLD_GRACE_SECONDS} more`,
      );
  }
  checkPayments(say, config);
  if (config.cors !== undefined) checkCors(say, config.cors);
  return found;
}

function checkPayments(say: Say, { payments, support }: Config): void {
  if (payments !== undefined) {
    if (!isRecord(payments)) say("payments", `is ${show(payments)}`, 'write { topUpUrl: "https://…" }');
    else {
      checkKeys(say, "payments.", payments, ["topUpUrl"]);
      // RFC 8288 link targets; the account's id stands in its place while checking.
      if (payments.topUpUrl !== undefined && !isLink(payments.topUpUrl, ["https:"]))
        say(
          "payments.topUpUrl",
          `is ${show(payments.topUpUrl)}`,
          "write an https URL; {account} in it becomes the account's id",
        );
    }
  }
  if (support !== undefined && !isLink(support, ["https:", "mailto:"]))
    say("support", `is ${show(support)}`, 'write "mailto:help@example.com" or an https URL');
}

function checkCors(say: Say, cors: NonNullable<Config["cors"]>): void {
  if (!isRecord(cors)) {
    say("cors", `is ${show(cors)}`, 'write { origins: ["https://app.example.com"] }');
    return;
  }
  checkKeys(say, "cors.", cors, ["origins"]);
  const { origins } = cors;
  if (
    !Array.isArray(origins) ||
    origins.length === 0 ||
    (origins.includes("*") && origins.length > 1) ||
    origins.some((entry) => entry !== "*" && originOf(entry) !== entry)
  ) {
    say(
      "cors.origins",
      `is ${show(origins)}`,
      'write ["*"], or scheme and host of each site, as in ["https://app.example.com"]',
    );
  }
}

function longestTimeout({ origin, prices }: Config): number {
  const own = isRecord(origin) ? origin.timeoutSeconds : undefined;
  const routes = isRecord(prices)
    ? Object.values(prices).map((price) => (isRecord(price) ? price.timeoutSeconds : undefined))
    : [];
  return Math.max(...[own ?? TIMEOUT_SECONDS_DEFAULT, ...routes].filter((seconds) => typeof seconds === "number"));
}
