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

const RANK = { literal: 0, regex: 1, parameter: 2, wildcard: 3 } as const;

/** Reads a pattern. An optional last parameter (`/:id?`) makes two patterns. A string says what is wrong with it. */
export function parsePattern(text: string): readonly Pattern[] | string {
  if (!text.startsWith("/")) return "a path starts with /";
  const pattern: Segment[] = [];
  const parts = text === "/" ? [""] : text.slice(1).split(/\/(?![^{]*\})/);
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1;
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
  try {
    return { kind: "regex", source, test: new RegExp(`^(?:${source})$`) };
  } catch {
    return `{${source}} is not a regular expression`;
  }
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
  for (const [index, segment] of a.entries()) {
    const other = b[index];
    if (!other) return segment.kind === "wildcard" && index === a.length - 1 ? 1 : -1;
    const difference = RANK[segment.kind] - RANK[other.kind];
    if (difference !== 0) return difference;
  }
  if (a.length === b.length) return 0;
  return b[a.length]?.kind === "wildcard" && b.length === a.length + 1 ? -1 : 1;
}

/** Whether two patterns of equal specificity could match one path. Different regular expressions are taken to overlap. */
export function mayOverlap(a: Pattern, b: Pattern): boolean {
  return a.every((segment, index) => {
    const other = b[index];
    return segment.kind !== "literal" || other?.kind !== "literal" || segment.text === other.text;
  });
}
