/**
 * The gate's own resources: what a handler gets, how it refuses, and 405 for the methods it does not have.
 */
import type { Context, Hono } from "hono";
import type { Denial } from "./gate/denial.ts";
import { refuseCall, type Call, type House } from "./gate/house.ts";

export type FareboxEnv = { Bindings: { readonly call: Call; readonly house: House } };
export type FareboxContext = Context<FareboxEnv>;
type Handler = (c: FareboxContext) => Promise<Response> | Response;

/** Routes one path: a handler a method, and a 405 that names them for every other. */
export function resource(app: Hono<FareboxEnv>, path: string, handlers: Readonly<Record<string, Handler>>): void {
  for (const [method, handler] of Object.entries(handlers)) app.on(method, path, handler);
  app.all(path, (c) =>
    refuseHere(c, { code: "method_not_allowed", method: c.req.method, allowed: Object.keys(handlers) }),
  );
}

export function refuseHere(c: FareboxContext, denial: Denial): Response {
  return refuseCall(c.env.call, c.env.house, denial);
}

/** A page of a listing: `?limit=` 1 … `max`, default 100. undefined: the limit is not such a number. */
export function readLimit(c: FareboxContext, max: number): number | undefined {
  return readWhole(c.req.query("limit") ?? "100", 1, max);
}

/** A whole number in decimal, as a query parameter carries it. */
export function readWhole(text: string, min: number, max: number): number | undefined {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  return value >= min && value <= max ? value : undefined;
}
