/** HTTP as callers and the operator of a doomed gate speak it: one attempt, and an answer that may never come. */
import { request as httpRequest, type Agent, type IncomingHttpHeaders } from "node:http";

export type Sent = {
  readonly agent: Agent;
  readonly port: number;
  readonly method: string;
  readonly path: string;
  readonly token?: string;
  readonly body?: string;
  /** Hangs up so long after sending. */
  readonly leaveAfterMs?: number;
  /** Told as soon as the head of the answer is there, even if the rest never comes. */
  readonly onHead?: (status: number, headers: IncomingHttpHeaders) => void;
};

const TIMEOUT_MS = 20_000;

/** The body; rejects where it broke off. Never sends anything twice. */
export async function send(sent: Sent): Promise<{ readonly status: number; readonly body: string }> {
  const { agent, port, method, path, token, body, leaveAfterMs } = sent;
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const request = httpRequest({ agent, host: "127.0.0.1", port, method, path, headers, timeout: TIMEOUT_MS });
    const leaving =
      leaveAfterMs === undefined ? null : setTimeout(() => request.destroy(new Error("left")), leaveAfterMs);
    const fail = (error: Error): void => {
      clearTimeout(leaving ?? undefined);
      reject(error);
    };
    request.on("timeout", () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    request.on("error", fail);
    request.on("response", (response) => {
      const status = response.statusCode ?? 0;
      sent.onHead?.(status, response.headers);
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on("error", fail);
      response.on("close", () => {
        clearTimeout(leaving ?? undefined);
        if (response.complete) resolve({ status, body: text });
        else reject(new Error("the answer broke off"));
      });
    });
    request.end(body);
  });
}
