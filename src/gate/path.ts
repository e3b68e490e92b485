/**
 * One canonical spelling for every path, or none.
 *
 * The path that is priced is the path that is forwarded, byte for byte. So a path in any other spelling than its
 * canonical one (RFC 3986 section 6.2.2) is refused before any decision: a gate and an origin that read
 * "/v1/%65xpensive" or "//v1/expensive" differently would be a way around the price.
 */

/** A path as sent, checked: what is priced and what is forwarded. */
export type Target = {
  /** Starts with "/", canonical, not decoded. */
  readonly path: string;
  /** "" or "?…", as sent; an apostrophe as %27. */
  readonly query: string;
};
export type UnusablePath = { readonly why: string };

/** RFC 3986 pchar without pct-encoded. Anything else in a path is refused: some clients and origins would encode it, others not. */
const PATH_CHARACTERS = /^[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*$/;
const UNRESERVED = /^[A-Za-z0-9\-._~]$/;
const ESCAPE = /%([0-9A-Fa-f]{2})?/g;

/** Cuts an absolute URL into "scheme://authority", path and query as text: a URL parser would mend what we must refuse. */
export function splitTarget(url: string): Target & { readonly base: string } {
  const authority = url.indexOf("//") + 2;
  const length = url.slice(authority).search(/[/?#\\*]/);
  const start = length < 0 ? url.length : authority + length;
  const mark = url.indexOf("?", start);
  const end = mark < 0 ? url.length : mark;
  return { base: url.slice(0, start), path: url.slice(start, end), query: url.slice(end) };
}

/** The target of a request, from its absolute URL, or why it has no canonical spelling. */
export function parseTarget(url: string): Target | UnusablePath {
  const { path, query } = splitTarget(url);
  if (!path.startsWith("/")) return { why: "it does not start with /" };
  if (path.includes("#") || query.includes("#")) return { why: "it contains a #" };
  const why = findFault(path);
  // The one character that every URL parser (WHATWG) writes otherwise in a query: so what we sign is what is sent.
  return why === undefined ? { path, query: query.replaceAll("'", "%27") } : { why };
}

/** What keeps a path from being canonical; undefined if nothing does. */
export function findFault(path: string): string | undefined {
  if (path.includes("//")) return "it contains an empty segment (//)";
  if (!PATH_CHARACTERS.test(path)) return "it contains a character that must be percent-encoded";
  const segments = path.split("/");
  if (segments.some((segment) => segment === "." || segment === "..")) return "it contains a dot segment";
  const fault = path.includes("%") ? findEscapeFault(path) : undefined;
  if (fault !== undefined || !/[.;%]/.test(path)) return fault;
  const hidden = segments.find((segment) => segment !== "" && /^$|[/\\]/.test(bareSegment(looseText(segment))));
  return hidden === undefined
    ? undefined
    : `its segment "${hidden}" is nothing but dots, blanks or parameters, or looks like a slash`;
}

function findEscapeFault(path: string): string | undefined {
  for (const [escape, hex] of path.matchAll(ESCAPE)) {
    if (hex === undefined) return "it contains a % that is not followed by two hexadecimal digits";
    if (hex !== hex.toUpperCase()) return `it contains ${escape}: write ${escape.toUpperCase()}`;
    const code = Number.parseInt(hex, 16);
    const character = String.fromCharCode(code);
    if (code < 0x20 || code === 0x7f) return `it contains a control character (${escape})`;
    if (character === "/" || character === "\\") return `it contains an encoded slash (${escape})`;
    if (UNRESERVED.test(character)) return `it contains ${escape}: write ${character}`;
  }
  // An origin that decodes twice would see another path than the one we price.
  if (/%25[0-9A-Fa-f]{2}/.test(path)) return "it is encoded twice (%25 followed by two hexadecimal digits)";
  try {
    decodeURIComponent(path);
    return undefined;
  } catch {
    return "its percent-encoded bytes are not UTF-8";
  }
}

/**
 * The loosest reading an origin might make of a canonical path: decoded, case and look-alike letters folded, without
 * matrix parameters, trailing dots and blanks of segments, and a trailing slash. Used to price with care, never to
 * forward.
 */
export function foldPath(path: string): string {
  if (!/[A-Z%;]|\.(?:\/|$)|.\/$/.test(path)) return path;
  const segments = looseText(path).split("/").map(bareSegment);
  return `/${segments.filter((segment) => segment !== "").join("/")}`;
}

/** Decoded, and folded to what it looks like. Upper case first: that is what folds letters such as the long s. */
function looseText(text: string): string {
  return decodeURIComponent(text)
    .normalize("NFKC")
    .replaceAll(/\p{Cf}/gu, "")
    .toUpperCase()
    .toLowerCase();
}

/** A decoded segment without its matrix parameters, and without the blanks and dots that some file systems drop. */
function bareSegment(segment: string): string {
  const bare = segment.replace(/[;?#].*$/s, "").trimStart();
  // Not by a pattern: one that looks for the end from every dot takes time that grows with the square of their number.
  let end = bare.length;
  while (end > 0 && /[.\s]/.test(bare.charAt(end - 1))) end -= 1;
  return bare.slice(0, end);
}
