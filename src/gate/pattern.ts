/**
 * Route patterns, in Hono's notation, and which of two is the more specific.
 *
 * The rule: compare segment by segment from the left; a literal beats `:name{regex}`, which beats `:name`, which
 * beats `*`; if all segments up to the end of one are alike, the longer wins. Two patterns that this cannot order
 * and that could match one path are a mistake in the price list.
 */
import { findFault, foldPath } from "./path.ts";

type Segment =
  | { readonly kind: "literal"; readonly text: string; readonly folded: string }
  | { readonly kind: "regex"; readonly source: string; readonly test: RegExp }
  | { readonly kind: "parameter" }
  /** As the last segment it matches any rest, also none; elsewhere exactly one segment. */
  | { readonly kind: "wildcard" };
export type Pattern = readonly Segment[];

/** "end" is the end of the path; the rest of a path, whatever it is, is the least specific of all. */
const RANK = { literal: 0, regex: 1, parameter: 2, wildcard: 3, end: 4, rest: 5 } as const;

/** Reads a pattern. An optional last parameter (`/:id?`) makes two patterns. A string says what is wrong with it. */
export function parsePattern(text: string): readonly Pattern[] | string {
  if (!text.startsWith("/")) return "a path starts with /";
  const pattern: Segment[] = [];
  const parts = text === "/" ? [""] : text.slice(1).split(/\/(?![^{]*\})/);
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1;
    if (part === "" && !last) return "it is not a canonical path: it contains an empty segment (//)";
    const parameter = /^:([A-Za-z0-9_]+)(?:\{(.+)\})?(\?)?$/.exec(part);
    if (part === "*") pattern.push({ kind: "wildcard" });
    else if (!parameter) {
      if (/[*{}?]|^:/.test(part)) return `"${part}" is neither a literal, nor :name, :name{regex} or *`;
      const fault = findFault(`/${part}`);
      if (fault !== undefined) return `"/${part}" is not a canonical path: ${fault}`;
      pattern.push(literal(part));
    } else {
      const segment = parseParameter(parameter[2]);
      if (typeof segment === "string") return segment;
      if (parameter[3] === undefined) pattern.push(segment);
      else if (last) return pattern.length === 0 ? [[literal("")], [segment]] : [[...pattern], [...pattern, segment]];
      else return `"${part}" is optional, which only the last segment can be`;
    }
  }
  return [pattern];
}

function literal(text: string): Segment {
  return { kind: "literal", text, folded: foldPath(`/${text}`).slice(1) };
}

function parseParameter(source: string | undefined): Segment | string {
  if (source === undefined) return { kind: "parameter" };
  if (mayMatchSlash(source)) {
    return `{${source}} may match a slash, and a parameter is one segment here: write [^/] for "." and / into [^…]`;
  }
  try {
    return { kind: "regex", source, test: new RegExp(`^(?:${source})$`) };
  } catch {
    return `{${source}} is not a regular expression`;
  }
}

/** Whether any one-character piece of a regular expression matches "/": what Hono would let run over several segments. */
function mayMatchSlash(source: string): boolean {
  const pieces =
    source.match(/\[(?:\\.|[^\]\\])*\]|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\[A-Za-z/]|\\.|[^()|*+?{}^$[\]\\]/g) ?? [];
  return pieces.some((piece) => {
    try {
      return new RegExp(`^${piece}$`).test("/");
    } catch {
      return false;
    }
  });
}

/** The literal path a pattern stands for, if it is nothing but literals. */
export function literalPath(pattern: Pattern): string | undefined {
  const texts = pattern.map((segment) => (segment.kind === "literal" ? segment.text : undefined));
  return texts.includes(undefined) ? undefined : `/${texts.join("/")}`;
}

/** Whether the pattern matches a path, given as its segments. `fold`: as an origin would that ignores case. */
export function matches(pattern: Pattern, segments: readonly string[], fold: boolean): boolean {
  const last = pattern.at(-1);
  const open = last?.kind === "wildcard";
  if (open ? segments.length < pattern.length - 1 : segments.length !== pattern.length) return false;
  return pattern.every((segment, index) => {
    const text = segments[index];
    switch (segment.kind) {
      case "literal":
        return text === (fold ? segment.folded : segment.text);
      case "regex":
        return (
          text !== undefined && (segment.test.test(text) || (fold && new RegExp(segment.test.source, "i").test(text)))
        );
      case "parameter":
        return text !== undefined && text !== "";
      case "wildcard":
        return open && index === pattern.length - 1 ? true : text !== undefined && text !== "";
    }
  });
}

/** Negative if `a` is the more specific, positive if `b` is, 0 if neither. */
export function compareSpecificity(a: Pattern, b: Pattern): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = rankAt(a, index) - rankAt(b, index);
    if (difference !== 0) return difference;
  }
  return 0;
}

function rankAt(pattern: Pattern, index: number): number {
  const segment = pattern[index];
  if (!segment) return RANK.end;
  return segment.kind === "wildcard" && index === pattern.length - 1 ? RANK.rest : RANK[segment.kind];
}

/**
 * Whether two patterns of equal specificity could match one path, as an origin reads paths that ignores case and
 * trailing slashes. Different regular expressions are taken to overlap.
 */
export function mayOverlap(a: Pattern, b: Pattern): boolean {
  const [left, right] = [dropTrailingSlash(a), dropTrailingSlash(b)];
  return (
    compareSpecificity(left, right) === 0 &&
    left.every((segment, index) => {
      const other = right[index];
      return segment.kind !== "literal" || other?.kind !== "literal" || segment.folded === other.folded;
    })
  );
}

/** A pattern without the slash at its end. */
export function dropTrailingSlash(pattern: Pattern): Pattern {
  const last = pattern.at(-1);
  return pattern.length > 1 && last?.kind === "literal" && last.text === "" ? pattern.slice(0, -1) : pattern;
}

/** Whether a pattern is written in the loosest spelling of what it matches: folded, without a trailing slash. */
export function isLoosest(pattern: Pattern): boolean {
  return (
    dropTrailingSlash(pattern) === pattern &&
    pattern.every(
      (segment) => segment.kind !== "regex" && (segment.kind !== "literal" || segment.text === segment.folded),
    )
  );
}
