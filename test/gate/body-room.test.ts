/** Proves that requests read whole take only so much memory, and that room which a call took comes back in any case. */
import { describe, expect, it } from "vitest";
import { BodyRoom } from "../../src/gate/idempotency.ts";
import { NOW, SECOND } from "../support/command.ts";

const MIB = 1_048_576;
const upload = (requestId: string, length?: number): { request: Request; requestId: string } => {
  const headers = length === undefined ? {} : { "content-length": String(length) };
  return { requestId, request: new Request("https://api.example.com/", { method: "POST", body: "x", headers }) };
};
const take = (room: BodyRoom, requestId: string, length?: number, now = NOW): boolean =>
  room.take(upload(requestId, length), now + SECOND, now);

/** Takes as many as find room. */
function fill(room: BodyRoom, length?: number): number {
  let n = 0;
  while (n < 100 && take(room, `fill ${n}`, length)) n += 1;
  return n;
}

describe("the room for bodies", () => {
  it("is for 24 of the largest, whether or not their length is told", () => {
    expect(fill(new BodyRoom())).toBe(24);
    expect(fill(new BodyRoom(), MIB)).toBe(24);
    expect(fill(new BodyRoom(), MIB / 2)).toBe(48);
  });

  it("is there again once a call was answered, once and no more", () => {
    const room = new BodyRoom();
    fill(room, MIB);
    for (let n = 0; n < 3; n++) room.giveBack("fill 0");
    room.giveBack("nobody's");
    expect(take(room, "next", MIB)).toBe(true);
    expect(take(room, "one more", 1)).toBe(false);
  });

  it("comes back from calls that were cut off and never answered", () => {
    const room = new BodyRoom();
    fill(room, MIB);
    expect(take(room, "early", MIB, NOW + SECOND - 1)).toBe(false);
    expect(take(room, "late", MIB, NOW + SECOND)).toBe(true);
    expect(fill(room, MIB)).toBe(23);
  });

  it("is not needed by a call without content, nor taken up by a length that is none", () => {
    const room = new BodyRoom();
    fill(room, MIB);
    const bodiless = { requestId: "get", request: new Request("https://api.example.com/") };
    expect(room.take(bodiless, NOW + SECOND, NOW)).toBe(true);
    expect(room.take(upload("odd", NaN), NOW + SECOND, NOW)).toBe(false);
  });
});
