/** Checks `origin`: where calls are forwarded to, and what the gate adds to them. */
import type { Config, OriginUrl } from "../config.ts";
import { checkKeys, checkSeconds, isRecord, isSecretName, originOf, show, type Say } from "./say.ts";

export function checkOrigin(say: Say, { origin, publicUrl }: Config): void {
  if (origin === "route") return;
  if (!isRecord(origin)) {
    say("origin", `is ${show(origin)}`, 'write { url: "https://…" }, { binding: "NAME" } or "route"');
    return;
  }
  if (isUrl(origin)) {
    checkKeys(say, "origin.", origin, ["url", "insecure", "headers", "timeoutSeconds"]);
    checkOriginUrl(say, origin, publicUrl);
  } else {
    checkKeys(say, "origin.", origin, ["binding", "headers", "timeoutSeconds"]);
    if (typeof origin.binding !== "string" || origin.binding === "")
      say(
        "origin.binding",
        `is ${show(origin.binding)}`,
        "name the service binding of wrangler.toml that leads to the origin",
      );
  }
  checkSeconds(say, "origin.timeoutSeconds", origin.timeoutSeconds, 1, 3600);
  checkHeaders(say, origin.headers);
}

/** What the gate or the runtime sets itself. */
const OUR_HEADERS =
  /^(?:farebox-.*|payment-.*|x-forwarded-.*|via|host|connection|upgrade|content-length|transfer-encoding)$/i;

function checkHeaders(say: Say, headers: unknown): void {
  if (headers === undefined) return;
  if (!isRecord(headers)) {
    say("origin.headers", `is ${show(headers)}`, 'write { "X-Api-Key": { secret: "ORIGIN_KEY" } }');
    return;
  }
  for (const [name, value] of Object.entries(headers)) {
    const key = `origin.headers[${show(name)}]`;
    if (!/^[A-Za-z0-9-]+$/.test(name)) say(key, "is no header name", "use letters, digits and hyphens");
    else if (OUR_HEADERS.test(name)) say(key, "is a header the gate sets itself", "choose another name");
    if (typeof value === "string") {
      if (!isText(value)) say(key, "contains characters other than printable ASCII", "write printable ASCII");
    } else if (!isRecord(value) || !isSecretName(value["secret"]))
      say(key, `is ${show(value)}`, 'write text, or { secret: "NAME", prefix: "Bearer " }');
    else {
      checkKeys(say, `${key}.`, value, ["secret", "prefix"]);
      const { prefix } = value;
      if (prefix !== undefined && !isText(prefix)) say(key, `has the prefix ${show(prefix)}`, "write printable ASCII");
    }
  }
}

function isText(value: unknown): boolean {
  return typeof value === "string" && /^[\x20-\x7e]*$/.test(value);
}

function isUrl(origin: Exclude<Config["origin"], "route">): origin is OriginUrl {
  return "url" in origin;
}

function checkOriginUrl(say: Say, origin: OriginUrl, publicUrl: string | undefined): void {
  const key = "origin.url";
  const url = typeof origin.url === "string" ? URL.parse(origin.url) : null;
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:")) {
    say(key, `is ${show(origin.url)}`, 'write an absolute URL, as in "https://origin.example.com"');
    return;
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.username !== "") {
    say(
      key,
      `is ${show(origin.url)}`,
      "write scheme and host only: paths are forwarded as they are, and credentials go into origin.headers",
    );
  }
  if (origin.insecure !== undefined && origin.insecure !== true)
    say("origin.insecure", `is ${show(origin.insecure)}`, "write true or leave it out");
  const internal = isInternalHost(url.hostname);
  if (origin.insecure !== true && (url.protocol === "http:" || internal)) {
    say(
      key,
      `is ${show(origin.url)}, ${internal ? "an IP address or a local name" : "plain http"}`,
      "use https and a public name; for local work add insecure: true",
    );
  }
  // A dot at the end of a host name names the same host.
  if (publicUrl !== undefined && url.origin.replace(/\.(?=:|$)/, "") === originOf(publicUrl)) {
    say(key, `is ${show(origin.url)}, this gate itself (publicUrl)`, "name the server behind the gate");
  }
}

/** An IP address or a name that means nothing on the public internet: without a dot, or under a top level kept for private use. */
export function isInternalHost(host: string): boolean {
  const name = host.replace(/\.$/, "");
  return /^\[|^[\d.]+$|^[^.]+$|\.(?:localhost|local|internal)$/.test(name);
}
